"""Seeds for a registry that is about to be served: before anybody is answered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ...backends.errors import RegistryError
from .files import BadSeed
from .reading import read

if TYPE_CHECKING:
    from ...backends.base import Backend

GARDENER = "seed"
"""Who has created what a server was seeded with."""


def planting(sources: Sequence[Path]) -> Callable[[Backend], None]:
    """Return what puts seeds into a registry, in the default account and the region of the environment.

    Raises:
        BadSeed: something in them is wrong; what is returned raises it for what the registry refuses.
    """
    if not sources:
        return lambda backend: None
    from ...backends.base import Caller
    from ...backends.remote import sessions
    from ...backends.service import model

    seed = read(sources, model.service())

    def plant(backend: Backend) -> None:
        if "seed" not in backend.extensions:
            raise BadSeed("a registry that is elsewhere, or behind rules here, takes no --seed: seed it by itself")
        region = sessions.local_session().region_name or sessions.DEFAULT_REGION
        try:
            backend.extension("seed", {"groups": seed.as_json()}, Caller(region=region, access_key=GARDENER))
        except RegistryError as error:
            raise BadSeed(error.message) from error

    return plant
