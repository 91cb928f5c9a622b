"""POST /vectorize: the right vector for each item, in order, whatever is beside it."""

import textwrap

import httpx
import pytest

from bind_inference.modality import Modality
from support.samples import SAMPLES, Expected, encoded

KEYS = [modality.vector_key for modality in Modality]
EVERY_SAMPLE = [(modality, name) for modality, names in SAMPLES.items() for name in names]


@pytest.mark.parametrize(("modality", "name"), EVERY_SAMPLE)
def test_each_sample_has_the_models_vector(
    client: httpx.Client, expected: Expected, modality: Modality, name: str
) -> None:
    answer = client.post("/vectorize", json={modality.plural: [encoded(modality, name)]})
    assert answer.status_code == 200, answer.text
    assert list(answer.json()) == KEYS
    (vector,) = answer.json()[modality.vector_key]
    expected.check(modality, name, vector)
    assert all(answer.json()[key] == [] for key in KEYS if key != modality.vector_key)


def test_all_modalities_in_one_request_keep_their_order(client: httpx.Client, expected: Expected) -> None:
    body = {
        modality.plural: [encoded(modality, name) for name in names] for modality, names in SAMPLES.items()
    }
    answer = client.post("/vectorize", json=body)
    assert answer.status_code == 200, answer.text
    for modality, names in SAMPLES.items():
        vectors = answer.json()[modality.vector_key]
        assert len(vectors) == len(names)
        for name, vector in zip(names, vectors, strict=True):
            expected.check(modality, name, vector)


@pytest.mark.parametrize("body", [b"{}", b'{"texts":null}', b'{"texts":[],"video":[],"imu":null}'])
def test_nothing_asked_is_seven_empty_lists(client: httpx.Client, body: bytes) -> None:
    answer = client.post("/vectorize", content=body)
    assert answer.status_code == 200
    assert answer.json() == {key: [] for key in KEYS}


@pytest.mark.parametrize("content_type", [None, "application/json", "text/plain", "application/x-garbage"])
def test_the_content_type_does_not_matter(client: httpx.Client, content_type: str | None) -> None:
    request = client.build_request("POST", "/vectorize", content=b'{"texts":["a dog"]}')
    assert "content-type" not in request.headers
    if content_type:
        request.headers["content-type"] = content_type
    answer = client.send(request)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert len(answer.json()["textVectors"][0]) == 32


@pytest.mark.parametrize("spelling", ["wrapped", "data uri", "unpadded"])
def test_base64_is_taken_as_clients_write_it(client: httpx.Client, expected: Expected, spelling: str) -> None:
    plain = encoded(Modality.IMAGE, "small.webp")
    text = {
        "wrapped": "\n".join(textwrap.wrap(plain, 76)),
        "data uri": f"data:image/webp;base64,{plain}",
        "unpadded": plain.rstrip("="),
    }[spelling]
    answer = client.post("/vectorize", json={"images": [text]})
    assert answer.status_code == 200, answer.text
    expected.check(Modality.IMAGE, "small.webp", answer.json()["imageVectors"][0])


def test_the_same_image_twice_has_exactly_the_same_vector(client: httpx.Client) -> None:
    image, other = encoded(Modality.IMAGE, "landscape.jpg"), encoded(Modality.IMAGE, "alpha.png")
    vectors = client.post("/vectorize", json={"images": [image, other, image]}).json()["imageVectors"]
    assert vectors[0] == vectors[2]
    assert vectors[0] != vectors[1]


@pytest.mark.parametrize("modality", set(Modality) - {Modality.TEXT})
def test_company_does_not_change_a_mediums_vector_by_a_bit(client: httpx.Client, modality: Modality) -> None:
    item = encoded(modality, SAMPLES[modality][0])
    alone = client.post("/vectorize", json={modality.plural: [item]}).json()[modality.vector_key][0]
    body = {each.plural: [encoded(each, name) for name in names] for each, names in SAMPLES.items()}
    beside = client.post("/vectorize", json=body).json()[modality.vector_key][0]
    assert beside == alone


def test_chunked_bodies_are_read_whole(client: httpx.Client) -> None:
    answer = client.post("/vectorize", content=iter([b'{"tex', b'ts":["a ', b'dog"]}']))
    assert len(answer.json()["textVectors"]) == 1
