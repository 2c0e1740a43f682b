"""Export and import of whole registries through a boto3 client.

Registries of this project export their rows and history; others export what their API returns.
"""

from .format import InvalidArchive
from .sqlite import export_sqlite
from .transfer import ImportRefused, ImportResult, export, load

__all__ = ["ImportRefused", "ImportResult", "InvalidArchive", "export", "export_sqlite", "load"]
