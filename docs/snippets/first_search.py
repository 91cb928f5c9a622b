import base64
from pathlib import Path

import weaviate
from weaviate.classes.config import Configure, DataType, Property

files = sorted(Path("photos").glob("*.jpg"))
with weaviate.connect_to_local() as client:  # the two ports that kubectl forwards: 8080 and 50051
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
