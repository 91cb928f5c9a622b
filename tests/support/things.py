"""A small collection for the stories: its objects have a text, a picture and one vector of both."""

import base64
import io
from typing import Any

import numpy as np
import weaviate
from PIL import Image
from weaviate.classes.config import Configure, DataType, Property
from weaviate.collections import Collection

MODULE = "multi2vec-bind"


def make_collection(client: weaviate.WeaviateClient, name: str) -> Collection[Any, Any]:
    """Make a collection of `text` and `image`, with one vector from both."""
    return client.collections.create(
        name,
        properties=[
            Property(name="text", data_type=DataType.TEXT),
            Property(name="image", data_type=DataType.BLOB),
        ],
        vector_config=Configure.Vectors.multi2vec_bind(text_fields=["text"], image_fields=["image"]),
    )


def make_thing(number: int) -> dict[str, str]:
    """Return the object of `number`: the same text and the same picture (PNG, 64 px) every time."""
    pixels = np.random.default_rng(number).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return {"text": f"thing number {number}", "image": base64.b64encode(out.getvalue()).decode()}


def fill_collection(client: weaviate.WeaviateClient, name: str, count: int) -> None:
    """Make a collection of the first `count` things; each of them has to be stored."""
    collection = make_collection(client, name)
    with collection.batch.fixed_size(batch_size=10) as batch:
        for number in range(count):
            batch.add_object(make_thing(number))
    assert collection.batch.failed_objects == []
