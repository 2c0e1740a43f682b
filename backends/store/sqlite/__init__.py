"""Rows in SQLite: the store, its file, its schema."""
