"""Streams: what comes out of them, and the machinery under them."""
