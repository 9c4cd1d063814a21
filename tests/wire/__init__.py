"""The wires against recorded traffic, and against frames of our own making."""
