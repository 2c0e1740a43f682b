"""Export, import and seeding of registries."""
