"""The service model of AWS and the code that follows from it, independent of any registry."""
