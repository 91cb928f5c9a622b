import weaviate
from weaviate.classes.config import Configure, DataType, Property

TITLES = ["a cat on a mat", "a dog in the rain", "a red bicycle"]


def fill(client, name):
    vectors = Configure.Vectors.multi2vec_bind(text_fields=["title"])
    title = Property(name="title", data_type=DataType.TEXT)
    made = client.collections.create(name, properties=[title], vector_config=vectors)
    with made.batch.fixed_size(batch_size=100) as batch:
        for text in TITLES:
            batch.add_object({"title": text})
    if made.batch.failed_objects:
        raise SystemExit(made.batch.failed_objects[0].message)


with weaviate.connect_to_local() as client:  # the two ports that kubectl forwards: 8080 and 50051
    for name in ("Photo_1", "Photo_2"):  # so that this file can be run again
        client.collections.delete(name)
    client.alias.delete(alias_name="Photo")

    fill(client, "Photo_1")
    client.alias.create(alias_name="Photo", target_collection="Photo_1")
    photos = client.collections.get("Photo")  # what an application does, now and later
    print(photos.query.near_text("a cat on a mat", limit=1).objects[0].properties["title"])

    fill(client, "Photo_2")  # anew: with other properties, other vectors, a replication factor
    client.alias.update(alias_name="Photo", new_target_collection="Photo_2")
    print(photos.query.near_text("a cat on a mat", limit=1).objects[0].collection)
    print(client.alias.get(alias_name="Photo").collection)

    client.collections.delete("Photo_1")
    print(len(photos.query.fetch_objects().objects))
