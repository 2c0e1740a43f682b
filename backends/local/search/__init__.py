"""Search: its index, its expressions, and how a query is planned."""
