"""Objects of a collection with pictures, as a client of Weaviate's REST interface inserts them."""

from __future__ import annotations

import base64
import json
from typing import Any, Final

from bind_bench.workload.media import image

COLLECTION: Final = "Picture"
SCHEMA: Final[dict[str, Any]] = {
    "class": COLLECTION,
    "vectorizer": "multi2vec-bind",
    "moduleConfig": {"multi2vec-bind": {"imageFields": ["picture"]}},
    "properties": [{"name": "picture", "dataType": ["blob"]}],
}


def object_body(number: int) -> bytes:
    """Return the JSON of an object with one picture; each `number` gives another picture."""
    picture = base64.b64encode(image(number)).decode()
    return json.dumps({"class": COLLECTION, "properties": {"picture": picture}}).encode()
