"""Examples that are run by the tests: each file stands alone."""
