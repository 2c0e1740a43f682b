"""The operations of the registry: groups, packages, tags, policies, and their checks."""
