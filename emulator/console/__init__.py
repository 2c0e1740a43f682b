"""The console: where a person reviews versions and decides, at `/console/` of any served registry.

Pages are made on the server and work without JavaScript; `static/` adds keys and quicker lists. Nothing comes from
another host, and what a model says of itself is text, whatever it looks like.
"""

from __future__ import annotations

from .site import Console, Place, Site, guard

__all__ = ["Console", "Place", "Site", "guard"]
