"""Search: the text index, expressions, query plans and sorting."""
