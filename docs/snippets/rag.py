import base64
import sys
from pathlib import Path

import weaviate
from weaviate.classes.config import Configure, DataType, Property
from weaviate.classes.generate import GenerativeConfig, GenerativeParameters

folder, question, *elsewhere = sys.argv[1:]  # MODEL URL: a server of yours that speaks OpenAI's API
model, base_url = elsewhere or ("gpt-4o", None)

with weaviate.connect_to_local() as client:  # the two ports that kubectl forwards: 8080 and 50051
    client.collections.delete("Holiday")  # so that this file can be run again
    photos = client.collections.create(
        "Holiday",
        properties=[
            Property(name="file", data_type=DataType.TEXT),
            Property(name="picture", data_type=DataType.BLOB),
        ],
        vector_config=Configure.Vectors.multi2vec_bind(image_fields=["picture"]),
    )
    for path in sorted(Path(folder).iterdir()):
        photos.data.insert({"file": path.name, "picture": base64.b64encode(path.read_bytes()).decode()})

    task = GenerativeParameters.grouped_task(
        prompt=question, image_properties=["picture"], non_blob_properties=["file"]
    )
    provider = GenerativeConfig.openai(model=model, base_url=base_url)
    answer = photos.generate.near_text(question, limit=2, grouped_task=task, generative_provider=provider)
    print([one.properties["file"] for one in answer.objects])
    print(answer.generative.text)
