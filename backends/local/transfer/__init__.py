"""Whole registries in and out: export, import, seeds."""
