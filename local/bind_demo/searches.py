"""The searches: what is asked, what should be found, and how the Python client asks it."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from weaviate.classes.query import MetadataQuery, NearMediaType
from weaviate.collections import Collection
from weaviate.exceptions import WeaviateBaseError

from bind_demo.collection import EVERYTHING
from bind_demo.media import Media
from bind_demo.modality import Modality
from bind_demo.things import Thing

HITS = 3
ALPHA = 0.25
"""Share of the vectors in a hybrid search; with Tiny's random weights the words have to lead."""


@dataclass(frozen=True)
class Search:
    """One row of the table. payload: a text, base64 media, or an object's id (by-vector)."""

    method: str
    vector: str
    asked: str
    expected: str
    payload: str


@dataclass(frozen=True)
class Hit:
    """One found object; the distance is cosine's (for hybrid: the fused score, higher is better)."""

    slug: str
    distance: float


@dataclass(frozen=True)
class Answer:
    """What came back for a search: hits, or the client's error."""

    search: Search
    hits: tuple[Hit, ...] = ()
    error: str = ""

    @property
    def passed(self) -> bool:
        """Whether the best hit is the expected thing."""
        return bool(self.hits) and self.hits[0].slug == self.search.expected


_HOW_ALTERED = {
    Modality.IMAGE: "its photo, cropped, as WebP",
    Modality.AUDIO: "its sentence at 16 kHz, with hiss, as FLAC",
    Modality.VIDEO: "its film, cropped, as MPEG-4 in AVI",
    Modality.THERMAL: "its thermal picture with noise",
    Modality.DEPTH: "its depth picture with noise",
    Modality.IMU: "its motion with noise, rounded",
}


def build_searches(altered: Mapping[Thing, Media], things: Sequence[Thing]) -> list[Search]:
    """Return one search for each method and thing."""
    searches = []
    for thing in things:
        slug = thing.slug
        searches += [
            Search("nearText", "text", f"“{thing.reworded}”", slug, thing.reworded),
            Search("hybrid", "text", f"“{thing.title}”", slug, thing.title),
        ]
        for modality, how in _HOW_ALTERED.items():
            payload = base64.b64encode(altered[thing][modality]).decode()
            searches.append(Search(_METHODS[modality], modality.value, how, slug, payload))
        searches.append(Search("nearVector", EVERYTHING, "its vector, bent by 2 %", slug, str(thing.uuid)))
    return searches


_METHODS = {
    Modality.IMAGE: "nearImage",
    Modality.AUDIO: "nearAudio",
    Modality.VIDEO: "nearVideo",
    Modality.THERMAL: "nearThermal",
    Modality.DEPTH: "nearDepth",
    Modality.IMU: "nearIMU",
}


def ask(collection: Collection[Any, Any], search: Search) -> Answer:
    """Ask one search with the Python client; an error of the client becomes the answer's error."""
    try:
        return Answer(search, _hits(collection, search))
    except WeaviateBaseError as error:
        return Answer(search, error=error.message)


def bend(vector: Sequence[float]) -> list[float]:
    """Return the vector with its numbers made 2 % larger and smaller in turn."""
    return [value * (1.02 if index % 2 else 0.98) for index, value in enumerate(vector)]


def _hits(collection: Collection[Any, Any], search: Search) -> tuple[Hit, ...]:
    common: dict[str, Any] = {
        "target_vector": search.vector,
        "limit": HITS,
        "return_properties": ["slug"],
        "return_metadata": MetadataQuery(distance=True, score=True),
    }
    query = collection.query
    match search.method:
        case "nearText":
            found = query.near_text(search.payload, **common)
        case "hybrid":
            found = query.hybrid(search.payload, alpha=ALPHA, **common)
        case "nearImage":
            found = query.near_image(search.payload, **common)
        case "nearVector":
            stored = query.fetch_object_by_id(search.payload, include_vector=[search.vector])
            vector: Any = stored.vector[search.vector] if stored else []
            found = query.near_vector(bend(vector), **common)
        case _:
            found = query.near_media(search.payload, NearMediaType(search.vector), **common)
    return tuple(_hit(item, search.method) for item in found.objects)


def _hit(item: Any, method: str) -> Hit:
    value = item.metadata.score if method == "hybrid" else item.metadata.distance
    return Hit(str(item.properties["slug"]), float(value))
