"""Export and import of whole registries through a boto3 client."""

from .format import InvalidArchive
from .sqlite import export_sqlite
from .transfer import ImportRefused, ImportResult, export, load

__all__ = ["ImportRefused", "ImportResult", "InvalidArchive", "export", "export_sqlite", "load"]
