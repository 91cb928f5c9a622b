import base64

from bind_demo.client.collection import VECTOR_SHARES, schema
from bind_demo.client.importing import properties_of
from bind_demo.client.searches import build_searches, perturb
from bind_demo.media.build import Media
from bind_demo.media.things import THINGS
from bind_demo.modality import MEDIA, Modality

MEDIA_OF_A_THING: Media = {modality: modality.encode() for modality in MEDIA}


def test_every_method_is_asked_for_every_thing() -> None:
    searches = build_searches(dict.fromkeys(THINGS, MEDIA_OF_A_THING), THINGS)
    by_method: dict[str, set[str]] = {}
    for search in searches:
        by_method.setdefault(search.method, set()).add(search.expected)
    assert set(by_method) == {
        "nearText",
        "hybrid",
        "nearImage",
        "nearAudio",
        "nearVideo",
        "nearThermal",
        "nearDepth",
        "nearIMU",
        "nearVector",
    }
    assert all(asked == {thing.slug for thing in THINGS} for asked in by_method.values())


def test_a_search_near_media_carries_the_altered_copy_in_base64() -> None:
    searches = build_searches({THINGS[0]: MEDIA_OF_A_THING}, THINGS[:1])
    near_audio = next(search for search in searches if search.method == "nearAudio")
    assert base64.b64decode(near_audio.payload) == b"audio"
    assert near_audio.vector == "audio"


def test_a_perturbed_vector_is_another_one_near_by() -> None:
    assert perturb([1.0, 1.0, -2.0]) == [0.98, 1.02, -1.96]


def test_the_schema_has_a_vector_for_each_modality_and_one_of_all() -> None:
    vectors = schema("Demo")["vectorConfig"]
    assert set(vectors) == {*Modality, "everything"}
    assert vectors["imu"]["vectorizer"] == {"multi2vec-bind": {"imuFields": ["imu"]}}


def test_all_modalities_have_a_share() -> None:
    # Weaviate's module panics, and the whole batch fails, when only some fields have weights.
    together = schema("Demo")["vectorConfig"]["everything"]["vectorizer"]["multi2vec-bind"]
    assert set(together["weights"]) == {f"{modality}Fields" for modality in Modality}
    assert abs(sum(VECTOR_SHARES.values()) - 1) < 1e-9


def test_an_object_has_a_value_for_every_property_of_the_schema() -> None:
    names = {field["name"] for field in schema("Demo")["properties"]}
    assert set(properties_of(THINGS[0], MEDIA_OF_A_THING)) == names
