"""The review console at `/console/`: server-rendered pages that work without JavaScript.

`static/` adds keyboard shortcuts and live filters. Pages load nothing from other hosts and show all data of a model as
plain text.
"""

from __future__ import annotations

from .site import Console, Place, Site, guard

__all__ = ["Console", "Place", "Site", "guard"]
