import base64
import os
import sys
from pathlib import Path

import httpx  # weaviate-client brings it
import weaviate
from weaviate.classes.config import Configure, DataType, Property
from weaviate.classes.query import NearMediaType
from weaviate.util import generate_uuid5

SERVER = os.environ.get("SERVER", "http://localhost:8081")  # the inference server, as kubectl forwards it


def kind_of(file):
    return "video" if file.suffix in {".mp4", ".mov", ".mkv", ".webm", ".avi"} else "audio"


def windows_of(file):
    kind = kind_of(file)
    media = base64.b64encode(file.read_bytes()).decode()
    body = {kind: [media], "windows": {kind: {"length_s": 2, "stride_s": 1}}}
    answer = httpx.post(f"{SERVER}/vectorize", json=body, timeout=600)
    return answer.raise_for_status().json()[f"{kind}Windows"]


with weaviate.connect_to_local() as client:  # the two ports that kubectl forwards: 8080 and 50051
    client.collections.delete("Moment")  # so that this file can be run again
    file_name = Property(name="file", data_type=DataType.TEXT)
    start, end = (Property(name=name, data_type=DataType.NUMBER) for name in ("start_s", "end_s"))
    vectors = Configure.Vectors.multi2vec_bind(
        text_fields=["file"]
    )  # for searches: each object brings its own
    moments = client.collections.create("Moment", properties=[file_name, start, end], vector_config=vectors)
    with moments.batch.fixed_size(batch_size=100) as batch:
        for file in sorted(Path("recordings").iterdir()):
            for window in windows_of(file):
                moment = {"file": file.name, "start_s": window["start_s"], "end_s": window["end_s"]}
                batch.add_object(moment, uuid=generate_uuid5(moment), vector=window["vector"])
    print([item.message for item in moments.batch.failed_objects] or "all are stored")
    for wanted in sys.argv[1:]:
        file = Path(wanted)
        if file.is_file():
            found = moments.query.near_media(file, NearMediaType(kind_of(file)), limit=1)
        else:
            found = moments.query.near_text(wanted, limit=1)
        best = found.objects[0].properties
        print(f"{wanted}: {best['file']} from {best['start_s']:g} s to {best['end_s']:g} s")
