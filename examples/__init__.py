"""Self-contained examples, which the tests run."""
