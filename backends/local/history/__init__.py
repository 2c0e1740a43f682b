"""History as it is written, read and verified, and the events that follow from it."""
