"""One pure module per wire format: `encode` a request, decode a stream, decode a whole body.

Nothing here does I/O, looks at a clock or starts a thread.
"""
