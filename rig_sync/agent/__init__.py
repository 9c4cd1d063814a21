"""The agent: the pure run, the one driver, and what users hold of them."""
