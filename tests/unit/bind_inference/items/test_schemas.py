"""What is said about a body that is not what the end point takes."""

import json

import pytest

from bind_inference.errors import InvalidRequest, RequestTooLarge
from bind_inference.items import schemas
from bind_inference.items.schemas import VectorizeRequest, validate_body
from bind_inference.items.windows import Windows
from bind_inference.modality import Modality


def refused(raw: bytes) -> str:
    with pytest.raises(InvalidRequest) as caught:
        validate_body(VectorizeRequest, raw, 100)
    return caught.value.message


def test_items_are_listed_by_modality_with_their_place() -> None:
    body = validate_body(VectorizeRequest, b'{"images":["i","j"],"texts":["t"],"depth":null,"imu":[]}', 100)
    assert body.items() == [(Modality.TEXT, 0, "t"), (Modality.IMAGE, 0, "i"), (Modality.IMAGE, 1, "j")]


@pytest.mark.parametrize("raw", [b"{}", b'{"texts":null}', b'{"texts":[],"video":[]}'])
def test_missing_null_and_empty_lists_are_no_items(raw: bytes) -> None:
    assert validate_body(VectorizeRequest, raw, 100).items() == []


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "the body is empty"),
        (b" \n", "the body is empty"),
        (b"{", "the body is not valid JSON"),
        (b'{"texts":["\xff"]}', "the body is not valid JSON"),
        (b'{"texts":["\\ud800"]}', "the body is not valid JSON"),
        (b"[" * 100_000, "the body is not valid JSON"),
        (b'{"texts":NaN}', "the body is not valid JSON"),
        (b"[]", "the body must be a JSON object with texts, images"),
        (b'"texts"', "the body must be a JSON object with texts, images"),
        (b'{"texts":"a"}', "texts: must be a list of strings"),
        (b'{"texts":{"a":1}}', "texts: must be a list of strings"),
        (b'{"images":["a",null]}', "images[1]: must be a string"),
        (b'{"image":["a"]}', "image: unknown field; known are texts, images, audio"),
    ],
)
def test_a_wrong_body_is_refused_by_name(raw: bytes, message: str) -> None:
    assert refused(raw).startswith(message)


def test_all_faults_are_named_at_once() -> None:
    assert refused(b'{"texts":[1],"images":["a",2],"sound":[]}') == (
        "texts[0]: must be a string; images[1]: must be a string; "
        "sound: unknown field; known are texts, images, audio, video, imu, thermal, depth, windows"
    )


def test_a_fault_never_repeats_what_was_sent() -> None:
    assert "secret" not in refused(b'{"texts":[{"secret":1}],"audio":"secret"}')


def test_a_long_unknown_name_is_cut() -> None:
    assert len(refused(json.dumps({"x" * 10_000: 1}).encode())) < 250


def test_many_faults_are_counted() -> None:
    message = refused(json.dumps({"texts": [1] * 90}).encode())
    assert message.count("must be a string") == 20
    assert message.endswith("; and 70 more")


def test_too_many_items_are_refused_with_both_figures() -> None:
    with pytest.raises(RequestTooLarge, match="101 items are above the limit of 100"):
        validate_body(VectorizeRequest, json.dumps({"texts": ["a"] * 60, "imu": ["b"] * 41}).encode(), 100)


def test_a_flood_of_unknown_fields_is_counted_not_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    explained: list[object] = []
    real = schemas._explain
    monkeypatch.setattr(schemas, "_explain", lambda *given: explained.append(given) or real(*given))
    raw = json.dumps({f"key {number}": 0 for number in range(90_000)} | {"texts": [1]}).encode()
    message = refused(raw)
    assert message.startswith("texts[0]: must be a string; key 0: unknown field")
    assert message.endswith("; and 89981 more")
    assert len(explained) < 50


@pytest.mark.parametrize("place", ["windows", "audio"])
def test_so_is_one_within_windows(monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    explained: list[object] = []
    real = schemas._explain
    monkeypatch.setattr(schemas, "_explain", lambda *given: explained.append(given) or real(*given))
    flood: dict[str, object] = {f"key {number}": 0 for number in range(90_000)}
    message = refused(json.dumps({"windows": flood if place == "windows" else {"audio": flood}}).encode())
    assert message.startswith("windows.")
    assert message.endswith("; and 89980 more")
    assert len(explained) < 50


def test_unknown_fields_that_can_all_be_named_are() -> None:
    message = refused(json.dumps({f"key {number}": 0 for number in range(20)}).encode())
    assert message.count("unknown field") == 20
    assert "more" not in message


@pytest.mark.parametrize(
    ("asked", "windows"),
    [
        (None, {}),
        ({}, {}),
        ({"audio": None}, {}),
        ({"audio": {}}, {Modality.AUDIO: Windows(2000, 2000)}),
        ({"video": {"length_s": 5}}, {Modality.VIDEO: Windows(5000, 5000)}),
        (
            {"audio": {"length_s": 0.25, "stride_s": 0.1, "start_s": 1, "end_s": 2.5}, "video": {}},
            {Modality.AUDIO: Windows(250, 100, 1000, 2500), Modality.VIDEO: Windows(2000, 2000)},
        ),
    ],
)
def test_windows_are_asked_for_by_modality(asked: object, windows: dict[Modality, Windows]) -> None:
    body = validate_body(VectorizeRequest, json.dumps({"windows": asked}).encode(), 100)
    assert body.wanted_windows() == windows


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ([], "windows: must be an object with audio, video"),
        ({"audio": 2}, "windows.audio: must be an object with length_s, stride_s, start_s, end_s"),
        ({"images": {}}, "windows.images: unknown field; known are audio, video"),
        (
            {"audio": {"length": 2}},
            "windows.audio.length: unknown field; known are length_s, stride_s, start_s",
        ),
        ({"audio": {"length_s": "2"}}, "windows.audio.length_s: must be a number"),
        ({"audio": {"length_s": True}}, "windows.audio.length_s: must be a number"),
        ({"audio": {"length_s": 0}}, "windows.audio.length_s: Input should be greater than or equal to 0.1"),
        (
            {"video": {"stride_s": 0.01}},
            "windows.video.stride_s: Input should be greater than or equal to 0.1",
        ),
        ({"video": {"length_s": 601}}, "windows.video.length_s: Input should be less than or equal to 600"),
        ({"video": {"start_s": -1}}, "windows.video.start_s: Input should be greater than or equal to 0"),
        ({"video": {"end_s": 1e300}}, "windows.video.end_s: Input should be less than or equal to 10000000"),
    ],
)
def test_what_is_wrong_with_windows_is_named(asked: object, message: str) -> None:
    assert refused(json.dumps({"windows": asked}).encode()).startswith(message)
