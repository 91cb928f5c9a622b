"""The demo's collection has seven blob and text properties, a named vector for each, and one of all together.

Each named vector is made from one modality, so that a search near a sound compares sounds with sounds.
`everything` is the weighted mean of all seven, which is what multi2vec-bind does with several fields.
"""

import hashlib
import json
from typing import Any

from weaviate import WeaviateClient
from weaviate.classes.config import Configure, DataType, Property
from weaviate.collections import Collection

from bind_demo.modality import MEDIA, Modality

MODULE = "multi2vec-bind"
EVERYTHING = "everything"

TEXT_PROPERTIES = ("slug", "title", Modality.TEXT.value)
"""Only `text` is embedded; all of them are searched by keyword."""

VECTOR_SHARES = {
    # Text vectors are about 14 long and vision vectors 1: without weights the text alone would decide.
    Modality.TEXT: 0.02,
    Modality.IMAGE: 0.28,
    Modality.AUDIO: 0.02,
    Modality.VIDEO: 0.5,
    Modality.IMU: 0.06,
    Modality.THERMAL: 0.04,
    Modality.DEPTH: 0.08,
}
"""Each modality has this share in the vector `everything`; Weaviate wants all of the shares or none."""


def fields_key(modality: Modality) -> str:
    """Return the module's configuration key for a modality, such as imageFields."""
    return f"{modality}Fields"


def schema(name: str) -> dict[str, Any]:
    """Return the collection in Weaviate's REST form, which the TypeScript client takes as it is."""
    vectors = {modality.value: {fields_key(modality): [modality.value]} for modality in Modality}
    vectors[EVERYTHING] = {fields_key(modality): [modality.value] for modality in Modality}
    together: dict[str, Any] = vectors[EVERYTHING]
    together["weights"] = {fields_key(modality): [VECTOR_SHARES[modality]] for modality in Modality}
    texts = [{"name": name_, "dataType": ["text"]} for name_ in TEXT_PROPERTIES]
    blobs = [{"name": modality.value, "dataType": ["blob"]} for modality in MEDIA]
    return {
        "class": name,
        "properties": texts + blobs,
        "vectorConfig": {
            vector: {"vectorizer": {MODULE: config}, "vectorIndexType": "hnsw"}
            for vector, config in vectors.items()
        },
    }


def fingerprint(client: WeaviateClient) -> str:
    """Return a short digest of schema and model; a change of either makes the demo start anew."""
    model = client.get_meta().get("modules", {}).get(MODULE)
    inputs = json.dumps([schema(""), model], sort_keys=True)
    return "bind_demo " + hashlib.sha256(inputs.encode()).hexdigest()[:12]


def ensure_collection(client: WeaviateClient, name: str) -> Collection[Any, Any]:
    """Return the demo's collection, made (or made anew, if schema or model changed) where needed.

    IMU goes through `custom`: the client's typed configuration sends `IMUFields`, Weaviate reads `imuFields`.
    """
    mark = fingerprint(client)
    if client.collections.exists(name):
        if client.collections.get(name).config.get(simple=True).description == mark:
            return client.collections.get(name)
        client.collections.delete(name)
    vectors = schema(name)["vectorConfig"]
    return client.collections.create(
        name,
        description=mark,
        properties=[
            *(Property(name=text, data_type=DataType.TEXT) for text in TEXT_PROPERTIES),
            *(Property(name=modality.value, data_type=DataType.BLOB) for modality in MEDIA),
        ],
        vector_config=[
            Configure.Vectors.multi2vec_bind(name="text", text_fields=["text"]),
            Configure.Vectors.multi2vec_bind(name="image", image_fields=["image"]),
            Configure.Vectors.multi2vec_bind(name="audio", audio_fields=["audio"]),
            Configure.Vectors.multi2vec_bind(name="video", video_fields=["video"]),
            Configure.Vectors.multi2vec_bind(name="thermal", thermal_fields=["thermal"]),
            Configure.Vectors.multi2vec_bind(name="depth", depth_fields=["depth"]),
            Configure.Vectors.custom(name="imu", module_name=MODULE, module_config={"imuFields": ["imu"]}),
            Configure.Vectors.custom(
                name=EVERYTHING,
                module_name=MODULE,
                module_config=vectors[EVERYTHING]["vectorizer"][MODULE],
            ),
        ],
    )
