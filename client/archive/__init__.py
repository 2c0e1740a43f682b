"""Export and import of whole registries, for whoever has a boto3 client on them.

From a registry of ours come its rows as they are, with history; from any other, what the API answers, without.
"""

from .format import Broken
from .sqlite import export_sqlite
from .transfer import Imported, NotTaken, export, load

__all__ = ["Broken", "Imported", "NotTaken", "export", "export_sqlite", "load"]
