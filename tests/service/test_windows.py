"""A vector for each window of a recording, asked of the real server, however it speaks HTTP."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest

from bind_inference.modality import Modality
from support.decoder_processes import busy, workers
from support.http_workers import metric
from support.media import movie_sound, sound, tone, video
from support.samples import MEDIA, encoded
from support.server import ServerProcess, server
from support.waiting import becomes

if TYPE_CHECKING:
    from collections.abc import Iterator

AUDIO, VIDEO = Modality.AUDIO, Modality.VIDEO
RATE = 16_000
MOST = 600


@pytest.fixture(scope="module", params=["0", "1"], ids=["alone", "HTTP worker"])
def process(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServerProcess]:
    arguments = ("--http-workers", request.param, "--max-request-windows", str(MOST))
    with server(tmp_path_factory.mktemp("windows"), *arguments) as started:
        yield started


@pytest.fixture
def client(process: ServerProcess) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=process.url, timeout=120) as connected:
        yield connected


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def noise(seconds: float, seed: int = 0) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.random.default_rng(seed).uniform(-0.5, 0.5, int(seconds * RATE))


def ask(client: httpx.Client, modality: Modality, *files: bytes, **options: float) -> dict[str, Any]:
    body = {modality.plural: [text(data) for data in files], "windows": {modality: options}}
    answer = client.post("/vectorize", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()  # type: ignore[no-any-return]


def whole(client: httpx.Client, modality: Modality, data: bytes) -> list[float]:
    answer = client.post("/vectorize", json={modality.plural: [text(data)]})
    assert answer.status_code == 200, answer.text
    return answer.json()[modality.vector_key][0]  # type: ignore[no-any-return]


def alike(one: list[float], other: list[float]) -> bool:
    """Return whether two vectors are the same to float32's rounding."""
    a, b = np.asarray(one), np.asarray(other)
    return bool(np.abs(a - b).max() <= 1e-5 * np.abs(b).max())


def times(answer: dict[str, Any], key: str) -> list[tuple[int, float, float]]:
    return [(window["index"], window["start_s"], window["end_s"]) for window in answer[key]]


@pytest.mark.parametrize(("length_s", "stride_s"), [(2, 1), (3, 1.5), (0.5, 2)])
def test_a_window_of_sound_has_the_vector_of_a_file_of_that_stretch(
    client: httpx.Client, length_s: float, stride_s: float
) -> None:
    wave = noise(8)
    answer = ask(client, AUDIO, sound(wave, RATE), length_s=length_s, stride_s=stride_s)
    windows = answer["audioWindows"]
    assert len(windows) > 3
    for window in windows:
        cut = wave[int(window["start_s"] * RATE) : int(window["end_s"] * RATE)]
        assert len(cut) == length_s * RATE
        assert alike(window["vector"], whole(client, AUDIO, sound(cut, RATE)))
    vectors = {tuple(window["vector"]) for window in windows}
    assert len(vectors) == len(windows), "every stretch sounds different"


def test_a_window_of_a_video_has_the_vector_of_a_file_of_that_stretch(client: httpx.Client) -> None:
    stamps = [number / 25 for number in range(300)]
    lossless = {"kind": "matroska", "codec": "ffv1", "step": 0.8}
    answer = ask(client, VIDEO, video(stamps, **lossless), length_s=2, stride_s=3, end_s=9)  # type: ignore[arg-type]
    assert times(answer, "videoWindows") == [(0, 0, 2), (0, 3, 5), (0, 6, 8)]
    for window in answer["videoWindows"]:
        first = round(window["start_s"] * 25)
        cut = video(stamps[:50], first=first, **lossless)  # type: ignore[arg-type]
        assert alike(window["vector"], whole(client, VIDEO, cut))


@pytest.mark.parametrize(
    ("modality", "name"), [(AUDIO, "tone_44k_stereo_4s.wav"), (VIDEO, "wide_25fps_6s.mp4")]
)
def test_one_window_for_all_has_the_vector_of_the_file(
    client: httpx.Client, modality: Modality, name: str
) -> None:
    data = (MEDIA / name).read_bytes()
    answer = ask(client, modality, data, length_s=600)
    (window,) = answer[modality.window_key]
    assert (window["index"], window["start_s"]) == (0, 0)
    assert alike(window["vector"], whole(client, modality, data))


def test_windows_stand_in_a_list_of_their_own_and_all_else_is_as_ever(client: httpx.Client) -> None:
    picture = encoded(Modality.IMAGE, "small.webp")
    body = {"texts": ["a dog"], "images": [picture], "audio": [text(tone(3)), text(tone(1.5, hertz=880))]}
    plain = client.post("/vectorize", json=body).json()
    answer = client.post("/vectorize", json=body | {"windows": {"audio": {}}}).json()
    assert list(answer) == [*plain, "audioWindows"]
    assert {**answer, "audioVectors": plain["audioVectors"]} == plain | {
        "audioWindows": answer["audioWindows"]
    }
    assert answer["audioVectors"] == []
    assert times(answer, "audioWindows") == [(0, 0, 2), (0, 1, 3), (1, 0, 1.5)]


@pytest.mark.parametrize("windows", [None, {}, {"audio": None}, {"audio": None, "video": None}])
def test_who_asks_for_no_windows_gets_the_same_bytes(client: httpx.Client, windows: object) -> None:
    body = {"texts": ["a dog"], "audio": [text(tone(3))], "video": [encoded(VIDEO, "short_25fps_1s.mp4")]}
    plain = client.post("/vectorize", json=body)
    asked = client.post("/vectorize", json=body | {"windows": windows})
    assert (asked.status_code, asked.content) == (plain.status_code, plain.content) == (200, plain.content)
    assert b"Windows" not in plain.content


def test_asking_for_windows_of_nothing_is_an_empty_list(client: httpx.Client) -> None:
    answer = client.post("/vectorize", json={"windows": {"audio": {}, "video": {}}}).json()
    assert answer["audioWindows"] == answer["videoWindows"] == []


def test_a_bad_file_is_named_and_with_lenient_handling_the_others_are_there(client: httpx.Client) -> None:
    files = [text(tone(3)), text(b"nothing"), text(tone(0.01)), text(video([0, 1])), text(tone(2))]
    body = {"audio": files, "windows": {"audio": {}}}
    strict = client.post("/vectorize", json=body)
    assert strict.status_code == 422
    for number, words in ((1, "not a sound file"), (2, "at least 25 ms"), (3, "no sound in it")):
        assert f"audio[{number}]: " in strict.json()["error"]
        assert words in strict.json()["error"]
    lenient = client.post("/vectorize", json=body, headers={"Prefer": "handling=lenient"})
    assert lenient.status_code == 200
    assert times(lenient.json(), "audioWindows") == [(0, 0, 2), (0, 1, 3), (4, 0, 2)]
    assert [(fault["field"], fault["index"], fault["status"]) for fault in lenient.json()["errors"]] == [
        ("audio", 1, 415),
        ("audio", 2, 422),
        ("audio", 3, 422),
    ]


def test_too_many_windows_are_refused_by_name_and_a_part_of_them_is_taken(client: httpx.Client) -> None:
    data = text(sound(noise(70), RATE))
    body = {"audio": [data], "windows": {"audio": {"stride_s": 0.1}}}
    refused = client.post("/vectorize", json=body)
    assert refused.status_code == 413
    error = refused.json()["error"]
    assert error.startswith(f"audio[0]: 681 windows, and a request may have {MOST} in all")
    assert "start_s, end_s" in error
    assert "stride_s" in error
    answer = ask(client, AUDIO, sound(noise(70), RATE), stride_s=0.1, start_s=60)
    assert [window["start_s"] for window in answer["audioWindows"]] == [60 + n / 10 for n in range(81)]


def test_an_hour_of_sound_in_little_memory(process: ServerProcess, client: httpx.Client) -> None:
    """An hour, decoded, is 230 MB; one stretch of it is loud."""
    wave = np.full(3600 * RATE, 0.001, np.float32)
    wave[2500 * RATE : 2506 * RATE] = noise(6)
    data = sound(wave, RATE, kind="FLAC")
    answer = ask(client, AUDIO, data, length_s=6, stride_s=10)
    vectors = np.asarray([window["vector"] for window in answer["audioWindows"]])
    assert len(vectors) == 360
    quiet = np.median(vectors, axis=0)
    assert int(np.linalg.norm(vectors - quiet, axis=1).argmax()) == 250
    assert answer["audioWindows"][250]["start_s"] == 2500
    assert metric(process.url, "bind_held{") == 0
    peaks = [peak_bytes(pid) for pid in workers(process.process.pid)]
    assert max(peaks) < 180 << 20, "a decoder that has done nothing takes 60 MB"


def peak_bytes(pid: int) -> int:
    """Return the most memory that a process has had."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) << 10


def test_a_large_body_is_cut_into_windows_too(client: httpx.Client) -> None:
    data = sound(noise(60), RATE)
    assert len(data) > 1 << 20
    answer = ask(client, AUDIO, data, length_s=5)
    assert times(answer, "audioWindows") == [(0, 5 * n, 5 * n + 5) for n in range(12)]


def test_formats_without_a_length_in_their_header(client: httpx.Client) -> None:
    films = [video([n / 5 for n in range(26)], kind="webm", codec="libvpx"), video([0, 1.5, 7.25])]
    answer = ask(client, VIDEO, *films)
    assert [time for time in times(answer, "videoWindows") if time[0] == 0] == [
        (0, 0, 2),
        (0, 2, 4),
        (0, 3, 5),
    ]
    answer = ask(client, AUDIO, movie_sound(5, kind="webm", codec="libopus"))
    assert len(answer["audioWindows"]) == 3


def test_windows_are_counted(process: ServerProcess, client: httpx.Client) -> None:
    def read() -> list[float]:
        names = (
            'bind_windows_total{modality="audio"}',
            'bind_items_total{modality="audio",outcome="ok"}',
            'bind_items_total{modality="audio",outcome="UnsupportedMedia"}',
        )
        return [metric(process.url, name) for name in names]

    ask(client, AUDIO, tone(3, hertz=333))
    client.post("/vectorize", json={"audio": [text(b"x")], "windows": {"audio": {}}})
    before = read()
    ask(client, AUDIO, tone(4, hertz=334), tone(6, hertz=335))
    client.post("/vectorize", json={"audio": [text(b"x")], "windows": {"audio": {}}})
    assert [after - first for after, first in zip(read(), before, strict=True)] == [5, 2, 1]


def test_openais_shape_has_no_windows(client: httpx.Client) -> None:
    """Fields that are not known are ignored there, and the answer is that of the whole file."""
    body = {"input": [{"audio": text(tone(5))}], "windows": {"audio": {}}}
    answer = client.post("/v1/embeddings", json=body)
    assert answer.status_code == 200
    assert len(answer.json()["data"]) == 1


def test_the_documentation_of_the_api_has_them(client: httpx.Client) -> None:
    page = client.get("/openapi.json").json()
    text = json.dumps(page)
    assert "stride_s" in text
    assert "videoWindows" in text
    references = set(re.findall(r'"\$ref": "#/components/schemas/(\w+)"', text))
    assert text.count("$ref") == text.count('"#/components/schemas/')
    assert references <= page["components"]["schemas"].keys()


async def test_what_is_not_done_in_time_is_dropped(process: ServerProcess) -> None:
    """A client that hangs up, as at the deadline, frees decoders and the queue."""
    data = sound(noise(1800), RATE, kind="FLAC")
    async with httpx.AsyncClient(base_url=process.url, timeout=60) as client:
        with pytest.raises(httpx.TimeoutException):
            await client.post(
                "/vectorize",
                json={"audio": [text(data)], "windows": {"audio": {"length_s": 30, "stride_s": 3}}},
                timeout=httpx.Timeout(60, read=1),
            )
        await becomes(lambda: metric(process.url, "bind_held{") == 0)
        await becomes(lambda: metric(process.url, "bind_queue_items{") == 0)
        await becomes(lambda: not busy(workers(process.process.pid)))
        assert (await client.post("/vectorize", json={"texts": ["b"]})).status_code == 200
