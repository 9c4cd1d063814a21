"""Examples, each under 40 lines; the tests run every one."""
