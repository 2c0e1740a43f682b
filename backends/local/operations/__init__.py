"""The operations on groups, packages, tags and policies, and their validation."""
