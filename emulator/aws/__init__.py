"""Other AWS services on the same endpoint, answered by moto."""
