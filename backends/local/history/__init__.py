"""History: writing, reading and verification, and the events derived from it."""
