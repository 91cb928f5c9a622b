import base64
import os
from pathlib import Path

import weaviate
from weaviate.classes.config import Configure, DataType, Property
from weaviate.classes.init import Auth

key = os.environ.get("WEAVIATE_KEY")
files = sorted(Path("photos").glob("*.jpg"))
# the two ports that kubectl forwards: 8080 and 50051
with weaviate.connect_to_local(auth_credentials=Auth.api_key(key) if key else None) as client:
    client.collections.delete("Photo")  # so that this file can be run again
    name = Property(name="file", data_type=DataType.TEXT)
    image = Property(name="image", data_type=DataType.BLOB)
    vectors = Configure.Vectors.multi2vec_bind(image_fields=["image"])
    photos = client.collections.create("Photo", properties=[name, image], vector_config=vectors)
    with photos.batch.fixed_size(batch_size=20) as batch:
        for file in files:
            batch.add_object({"file": file.name, "image": base64.b64encode(file.read_bytes()).decode()})
    print([item.message for item in photos.batch.failed_objects] or "all are stored")
    for found in photos.query.near_text("a cat", limit=3), photos.query.near_image(files[0], limit=3):
        print([item.properties["file"] for item in found.objects])
