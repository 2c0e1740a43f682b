"""Remote registries: AWS, another server, moto."""
