"""Rows and the stores that keep them; knows nothing of AWS."""
