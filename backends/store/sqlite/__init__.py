"""The SQLite store, its database file and its schema."""
