"""Imports the things in batches, and names every object that is refused."""

import base64
from collections.abc import Iterable, Mapping
from typing import Any

from weaviate.collections import Collection

from bind_demo.client.collection import EVERYTHING
from bind_demo.errors import DemoError
from bind_demo.media.build import Media
from bind_demo.media.things import Thing
from bind_demo.modality import Modality

BATCH_SIZE = 4
"""A batch has this many objects of eight vectors each, which makes 32 calls of the inference server."""


def properties_of(thing: Thing, media: Media) -> dict[str, str]:
    """Return the object as Weaviate takes it: texts as they are, media in base64."""
    blobs = {modality.value: base64.b64encode(data).decode() for modality, data in media.items()}
    return {"slug": thing.slug, "title": thing.title, Modality.TEXT.value: thing.text, **blobs}


def import_things(collection: Collection[Any, Any], originals: Mapping[Thing, Media]) -> None:
    """Import all things in batches; the same ids every time. Raises DemoError naming what was refused."""
    with collection.batch.fixed_size(batch_size=BATCH_SIZE, concurrent_requests=1) as batch:
        for thing, media in originals.items():
            batch.add_object(properties_of(thing, media), uuid=thing.uuid)
    failed = collection.batch.failed_objects
    if failed:
        lines = [f"  {item.object_.properties['slug']}: {item.message}" for item in failed]  # type: ignore[index]
        raise DemoError(
            f"{len(failed)} of {len(originals)} objects were refused:\n" + "\n".join(lines),
            "the messages are Weaviate's; for an inference error look at the log of the pods of "
            "component=inference",
        )
    check_stored(collection, originals)


def check_stored(collection: Collection[Any, Any], expected: Iterable[Thing]) -> None:
    """Raise DemoError unless each thing is stored and has all its vectors."""
    vectors_of = {
        str(o.uuid): {k for k, v in o.vector.items() if v} for o in collection.iterator(include_vector=True)
    }
    for thing in expected:
        if str(thing.uuid) not in vectors_of:
            raise DemoError(f"the object {thing.slug} was accepted but is not stored", "run the demo again")
        missing = sorted({*Modality, EVERYTHING} - vectors_of[str(thing.uuid)])
        if missing:
            raise DemoError(
                f"the object {thing.slug} is stored without its vectors {', '.join(missing)}",
                "look at the log of the pods of component=inference, then run the demo again",
            )
