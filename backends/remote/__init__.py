"""Registries that are answered elsewhere: AWS, an emulator, moto."""
