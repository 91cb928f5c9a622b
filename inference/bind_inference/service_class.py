"""Classes of service: a query, for whose answer somebody waits, goes before an import. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bind_inference.modality import Modality

QUERY_ITEMS: Final = 8
"""A request of more items is an import. A search has one, or a few of unlike modality."""


class ServiceClass(StrEnum):
    """Each request is of one of these."""

    QUERY = "query"
    IMPORT = "import"


@dataclass(frozen=True, eq=False)
class Kind:
    """Items of one kind wait together. There is one object for each: they are told apart by identity."""

    service: ServiceClass
    modality: Modality


KINDS: Final = tuple(Kind(service, modality) for service in ServiceClass for modality in Modality)
_QUERIES: Final = {kind.modality: kind for kind in KINDS if kind.service is ServiceClass.QUERY}
_IMPORTS: Final = {kind.modality: kind for kind in KINDS if kind.service is ServiceClass.IMPORT}


def kind_of(modality: Modality, items: int) -> Kind:
    """Return the kind of an item of a request that has so many items in all."""
    return (_QUERIES if items <= QUERY_ITEMS else _IMPORTS)[modality]
