"""The searches: what is asked, what should be found, and how the Python client runs them."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from weaviate.classes.query import MetadataQuery, NearMediaType
from weaviate.collections import Collection
from weaviate.exceptions import WeaviateBaseError

from bind_demo.client.collection import EVERYTHING
from bind_demo.media.build import Media
from bind_demo.media.things import Thing
from bind_demo.modality import Modality

HITS = 3
ALPHA = 0.25
"""The vectors' share of a hybrid search is small, because Tiny's weights are random and keywords lead."""


@dataclass(frozen=True)
class Search:
    """A search by one method for one thing. payload: a text, base64 media, or an object's id (nearVector)."""

    method: str
    vector: str
    asked: str
    expected: str
    payload: str


@dataclass(frozen=True)
class Hit:
    """A found object. distance: cosine; for hybrid the fused score, where higher is better."""

    slug: str
    distance: float


@dataclass(frozen=True)
class Answer:
    """The answer to a search: hits, or the client's error."""

    search: Search
    hits: tuple[Hit, ...] = ()
    error: str = ""

    @property
    def passed(self) -> bool:
        """Say whether the best hit is the expected thing."""
        return bool(self.hits) and self.hits[0].slug == self.search.expected


_HOW_ALTERED = {
    Modality.IMAGE: "its photo, cropped, as WebP",
    Modality.AUDIO: "its sentence at 16 kHz, with hiss, as FLAC",
    Modality.VIDEO: "its video, cropped, as MPEG-4 in AVI",
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
        searches.append(Search("nearVector", EVERYTHING, "its vector, changed by 2 %", slug, str(thing.uuid)))
    return searches


_METHODS = {
    Modality.IMAGE: "nearImage",
    Modality.AUDIO: "nearAudio",
    Modality.VIDEO: "nearVideo",
    Modality.THERMAL: "nearThermal",
    Modality.DEPTH: "nearDepth",
    Modality.IMU: "nearIMU",
}


def run_search(collection: Collection[Any, Any], search: Search) -> Answer:
    """Run one search with the Python client; an error of the client becomes the answer's error."""
    try:
        return Answer(search, _hits(collection, search))
    except WeaviateBaseError as error:
        return Answer(search, error=error.message)


def perturb(vector: Sequence[float]) -> list[float]:
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
            found = query.near_vector(perturb(vector), **common)
        case _:
            found = query.near_media(search.payload, NearMediaType(search.vector), **common)
    return tuple(_hit(item, search.method) for item in found.objects)


def _hit(item: Any, method: str) -> Hit:
    value = item.metadata.score if method == "hybrid" else item.metadata.distance
    return Hit(str(item.properties["slug"]), float(value))
