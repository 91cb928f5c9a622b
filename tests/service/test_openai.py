"""/v1 as OpenAI's own client sees it: the vectors of /vectorize at length 1, errors that it understands."""

from __future__ import annotations

import base64
import json
import re
import shutil
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import openai
import pytest

from bind_inference.modality import Modality
from support.samples import SAMPLES, Expected, encoded
from support.server import ROOT, ServerProcess, server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx

MEDIA = ROOT / "tests" / "parity" / "media"
HEADERS = {
    Modality.IMAGE: "data:image/jpeg;base64,",
    Modality.AUDIO: "data:audio/wav;base64,",
    Modality.VIDEO: "data:video/mp4;base64,",
    Modality.IMU: "data:text/csv;base64,",
    Modality.THERMAL: "data:image/jpeg;modality=thermal;base64,",
    Modality.DEPTH: "data:image/png;modality=depth;base64,",
}
RAW = {"normalize": False}
EVERY_MEDIUM = [(modality, name) for modality in HEADERS for name in SAMPLES[modality]]


def client_of(running: ServerProcess, max_retries: int = 0) -> openai.OpenAI:
    return openai.OpenAI(
        base_url=f"{running.url}/v1", api_key="none is needed", max_retries=max_retries, timeout=60
    )


@pytest.fixture
def ai(running: ServerProcess) -> Iterator[openai.OpenAI]:
    with client_of(running) as made:
        yield made


def as_uri(modality: Modality, name: str) -> str:
    return f"{HEADERS[modality]}{encoded(modality, name)}"


def test_texts_have_their_vectors_and_count_their_tokens(ai: openai.OpenAI, expected: Expected) -> None:
    texts = SAMPLES[Modality.TEXT]
    answer = ai.embeddings.create(input=texts, model="tiny", user="somebody", extra_body=RAW)
    assert answer.object == "list"
    assert answer.model == "Tiny"
    assert [row.index for row in answer.data] == list(range(len(texts)))
    for text, row in zip(texts, answer.data, strict=True):
        expected.check(Modality.TEXT, text, row.embedding)
    alone = ai.embeddings.create(input="", model="Tiny").usage
    assert alone.prompt_tokens == alone.total_tokens == 2  # its start and its end
    assert ai.embeddings.create(input="a dog", model="Tiny").usage.total_tokens == 4


def test_the_clients_default_is_base64_and_equals_floats(ai: openai.OpenAI, client: httpx.Client) -> None:
    floats = ai.embeddings.create(input="a dog", model="Tiny", encoding_format="float").data[0].embedding
    body = {"input": "a dog", "encoding_format": "base64"}
    raw = client.post("/v1/embeddings", json=body).json()["data"][0]["embedding"]
    assert isinstance(raw, str)
    default = ai.embeddings.create(input="a dog", model="Tiny", dimensions=32).data[0].embedding
    assert isinstance(default[0], float)
    np.testing.assert_array_equal(np.array(default, np.float32), np.array(floats, np.float32))


@pytest.mark.parametrize(("modality", "name"), EVERY_MEDIUM)
def test_a_medium_as_data_uri_has_the_vector_of_vectorize(
    ai: openai.OpenAI, client: httpx.Client, expected: Expected, modality: Modality, name: str
) -> None:
    uri = as_uri(modality, name)
    vector = ai.embeddings.create(input=uri, model="Tiny", extra_body=RAW).data[0].embedding
    expected.check(modality, name, vector)
    plain = client.post("/vectorize", json={modality.plural: [encoded(modality, name)]}).json()
    same = np.array([vector, plain[modality.vector_key][0]], np.float32)
    np.testing.assert_array_equal(same[0], same[1])


def test_texts_and_media_may_be_mixed(ai: openai.OpenAI, expected: Expected) -> None:
    wanted = [(Modality.TEXT, "A dog."), *EVERY_MEDIUM, (Modality.TEXT, "日本語のテキスト")]
    inputs = [name if modality is Modality.TEXT else as_uri(modality, name) for modality, name in wanted]
    answer = ai.embeddings.create(input=inputs, model="Tiny", extra_body=RAW)
    for (modality, name), row in zip(wanted, answer.data, strict=True):
        expected.check(modality, name, row.embedding)


@pytest.mark.parametrize("encoding", ["float", "base64"])
def test_vectors_have_length_1_unless_somebody_wants_them_raw(ai: openai.OpenAI, encoding: Any) -> None:
    inputs = ["a dog", *(as_uri(modality, name) for modality, name in EVERY_MEDIUM)]

    def vectors(**body: object) -> np.ndarray:
        answer = ai.embeddings.create(input=inputs, model="Tiny", encoding_format=encoding, extra_body=body)
        return np.array([_floats(row.embedding) for row in answer.data], np.float64)

    raw = vectors(normalize=False)
    lengths = np.linalg.norm(raw, axis=1)
    assert not np.allclose(lengths, 1, atol=1e-3)
    for body in ({}, {"normalize": True}, {"normalize": None}):
        scaled = vectors(**body)
        np.testing.assert_allclose(np.linalg.norm(scaled, axis=1), 1, atol=1e-6)
        np.testing.assert_allclose(scaled, raw / lengths[:, None], atol=1e-6)


def _floats(embedding: list[float] | str) -> np.ndarray:
    """Return a vector, which the client leaves in base64 where that was asked for by name."""
    if isinstance(embedding, str):
        return np.frombuffer(base64.b64decode(embedding), "<f4")
    return np.array(embedding)


def test_what_clients_of_other_services_send_is_taken(client: httpx.Client) -> None:
    picture = encoded(Modality.IMAGE, "landscape.jpg")
    uri = f"data:image/jpeg;base64,{picture}"
    body = {
        "input": [
            {"image": picture},
            {"image": uri},
            {"type": "image_url", "image_url": {"url": uri}},
            uri,
            {"depth": uri},
            {"type": "text", "text": "a dog"},
            "a dog",
        ],
        "model": None,
        "encoding_format": None,
        "dimensions": None,
        "user": None,
        "input_type": "query",
        "truncate": "END",
    }
    answer = client.post("/v1/embeddings", json=body)
    assert answer.status_code == 200, answer.text
    image, *others, depth, text, plain = [row["embedding"] for row in answer.json()["data"]]
    assert [image] * 3 == others
    assert text == plain
    assert depth != image
    large = {"input": [{"image": picture + " " * (1 << 20)}]}  # a decoder parses it
    answer = client.post("/v1/embeddings", json=large)
    assert answer.json()["data"][0]["embedding"] == image


@pytest.mark.parametrize("form", [{"image": "%s"}, {"type": "image_url", "image_url": {"url": "%s"}}])
@pytest.mark.parametrize("address", ["http://127.0.0.1:8080/", "https://example.com/a.png", "file:///x"])
def test_no_address_is_fetched(client: httpx.Client, form: dict[str, Any], address: str) -> None:
    body = json.loads(json.dumps({"input": [form]}).replace("%s", address))
    answer = client.post("/v1/embeddings", json=body)
    assert answer.status_code == 422
    assert answer.json()["error"]["param"] == "input[0]"


def test_thermal_is_not_what_the_same_picture_is_as_an_image(ai: openai.OpenAI) -> None:
    picture = encoded(Modality.THERMAL, "thermal.jpg")
    kinds = ["", "modality=thermal;", "modality=depth;"]
    rows = ai.embeddings.create(
        input=[f"data:image/jpeg;{kind}base64,{picture}" for kind in kinds], model="Tiny"
    )
    assert len({tuple(row.embedding) for row in rows.data}) == 3


@pytest.mark.parametrize(
    ("wanted", "message", "param"),
    [
        ({"input": [[1, 2, 3]]}, "input: token ids are not taken", "input"),
        ({"input": []}, "input: must have at least one text", "input"),
        ({"model": "text-embedding-3-small"}, "model: this server serves Tiny", "model"),
        ({"dimensions": 256}, "dimensions: Tiny has 32", "dimensions"),
        ({"encoding_format": "hex"}, "encoding_format: must be 'float' or 'base64'", "encoding_format"),
        ({"extra_body": {"normalize": "no"}}, "normalize: must be true or false", "normalize"),
    ],
)
def test_a_wrong_request_is_the_clients_bad_request(
    ai: openai.OpenAI, wanted: dict[str, Any], message: str, param: str | None
) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        ai.embeddings.create(**{"input": "a dog", "model": "Tiny"} | wanted)
    assert message in caught.value.message
    assert caught.value.param == param
    assert caught.value.code == "invalid_request"
    assert caught.value.type == "invalid_request_error"
    assert caught.value.request_id


def test_every_item_that_cannot_be_embedded_is_named(ai: openai.OpenAI) -> None:
    good = as_uri(Modality.IMAGE, "small.webp")
    bad = "data:image/png;base64,aGVsbG8="
    with pytest.raises(openai.UnprocessableEntityError) as caught:
        ai.embeddings.create(input=["a dog", good, "data:image/png;base64,!"], model="Tiny")
    assert caught.value.param == "input[2]"
    assert caught.value.code == "invalid_item"
    assert "input[2]: not valid base64" in caught.value.message
    with pytest.raises(openai.APIStatusError) as several:
        ai.embeddings.create(input=[bad, good, "data:image/png;modality=smell;base64,AAAA"], model="Tiny")
    assert several.value.status_code == 422
    assert "input[2]: modality: must be one of text, image" in several.value.message


def test_a_type_that_is_not_served_is_415(ai: openai.OpenAI) -> None:
    with pytest.raises(openai.APIStatusError, match="data: URI of application/pdf is not served") as caught:
        ai.embeddings.create(input="data:application/pdf;base64,AAAA", model="Tiny")
    assert caught.value.status_code == 415
    assert caught.value.code == "unsupported_media"


def test_models_are_listed(ai: openai.OpenAI) -> None:
    (model,) = ai.models.list().data
    assert model.id == "Tiny"
    assert model.object == "model"
    assert model.created > 1_700_000_000
    assert model.owned_by == "bindvectorizer"
    assert model.to_dict()["dimension"] == 32
    assert ai.models.retrieve("tiny") == model
    with pytest.raises(openai.NotFoundError, match="this server serves Tiny") as caught:
        ai.models.retrieve("gpt-4")
    assert caught.value.code == "model_not_found"


def test_what_is_not_there_is_named_in_the_same_shape(ai: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="there is no /v1/completions") as caught:
        ai.completions.create(model="Tiny", prompt="a dog")
    assert caught.value.code == "not_found"


def test_429_is_a_rate_limit_and_retry_after_is_honoured(tmp_path: Path) -> None:
    names = ["wide_25fps_6s.mp4", "tall_30fps_4s.mp4", "square_10fps_3s.mp4"]
    with server(tmp_path, "--max-queue-items", "3", "--vector-cache-bytes", "0") as running:
        films = [as_uri(Modality.VIDEO, name) for name in names]
        with client_of(running) as hasty, client_of(running, max_retries=20) as patient:
            slow = threading.Thread(target=lambda: patient.embeddings.create(input=films, model="Tiny"))
            slow.start()
            refused = None
            while slow.is_alive() and refused is None:
                try:
                    hasty.embeddings.create(input="a dog", model="Tiny")
                except openai.RateLimitError as error:
                    refused = error
                    raw = patient.embeddings.with_raw_response.create(input="a cat", model="Tiny")
            slow.join()
        assert refused is not None
        assert refused.type == "rate_limit_error"
        assert refused.code == "queue_full"
        assert refused.response.headers["retry-after"] == "1"
        assert raw.retries_taken >= 1
        assert len(raw.parse().data) == 1


def test_a_server_that_still_loads_is_waited_for(tmp_path: Path) -> None:
    with server(tmp_path, ready=False) as running:
        with client_of(running) as hasty, pytest.raises(openai.InternalServerError) as caught:
            hasty.embeddings.create(input="a dog", model="Tiny")
        assert caught.value.status_code == 503
        assert caught.value.code == "not_ready"
        assert "the model is not ready" in caught.value.message
        with client_of(running, max_retries=30) as patient:
            raw = patient.embeddings.with_raw_response.create(input="a dog", model="Tiny")
        assert raw.retries_taken >= 1
        assert len(raw.parse().data[0].embedding) == 32


def test_the_documentations_snippet_runs(
    running: ServerProcess,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (code,) = re.findall(
        r"```python\n(.*?)```", (ROOT / "docs" / "how-to" / "openai.md").read_text(), re.DOTALL
    )
    assert "http://127.0.0.1:8080" in code
    assert "imagebind-huge" in code
    shutil.copy(MEDIA / "landscape.jpg", tmp_path / "dog.jpg")
    monkeypatch.chdir(tmp_path)
    code = code.replace("http://127.0.0.1:8080", running.url).replace("imagebind-huge", "tiny")
    exec(compile(code, "docs/how-to/openai.md", "exec"), {})  # noqa: S102  (our own page)
    assert capsys.readouterr().out == "2 4\n"


@pytest.mark.parametrize("encoding_format", [openai.omit, "float", "base64"])
def test_the_client_takes_vectors_and_errors_side_by_side(ai: openai.OpenAI, encoding_format: Any) -> None:
    answer = ai.embeddings.create(
        input=["a dog", "data:image/png;base64,bm8gcGljdHVyZQ==", "a cat"],
        model="tiny",
        encoding_format=encoding_format,
        extra_headers={"Prefer": "handling=lenient"},
    )
    rows: list[Any] = [row.embedding for row in answer.data]
    assert rows[0]
    assert rows[1] is None
    assert rows[2]
    (error,) = answer.errors  # type: ignore[attr-defined]  # what it does not know it keeps
    assert (error["index"], error["param"], error["code"]) == (1, "input[1]", "unsupported_media")
