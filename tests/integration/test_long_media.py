"""The program of docs/how-to/long-media.md, as it stands there, against the real Weaviate and server."""

from pathlib import Path

import httpx
import numpy as np
import pytest

from integration.snippet import SNIPPETS, World
from support.media import scenes, sound

RATE = 16_000


def hum(seconds: int) -> np.ndarray:
    return 0.3 * np.sin(2 * np.pi * 220 * np.arange(seconds * RATE) / RATE)


def hiss(seconds: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(-0.5, 0.5, seconds * RATE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sound that hums but for two seconds, a film that is grey but for two, and files with just these."""
    made = tmp_path_factory.mktemp("long-media")
    (made / "recordings").mkdir()
    wave = np.concatenate([hum(7), hiss(2), hum(6)])
    (made / "recordings" / "night.wav").write_bytes(sound(wave, RATE))
    (made / "recordings" / "quiet.wav").write_bytes(sound(hum(5), RATE))
    (made / "recordings" / "film.mp4").write_bytes(scenes(["grey"] * 11 + ["red", "blue"] + ["grey"] * 4))
    (made / "hiss.wav").write_bytes(sound(hiss(2), RATE))
    (made / "flag.mp4").write_bytes(scenes(["red", "blue"]))
    return made


@pytest.fixture(scope="module")
def printed(folder: Path, world: World) -> list[str]:
    """What the program says when it looks for the two seconds, by sound and by film, and for a text."""
    server = {"SERVER": world.inference_url}
    return world.run("long_media.py", "hiss.wav", "flag.mp4", "a dog", folder=folder, environment=server)


def test_a_search_by_sound_finds_the_second(printed: list[str]) -> None:
    assert printed[0] == "all are stored"
    assert printed[1] == "hiss.wav: night.wav from 7 s to 9 s"


def test_a_search_by_film_finds_the_second(printed: list[str]) -> None:
    assert printed[2] == "flag.mp4: film.mp4 from 11 s to 13 s"


def test_a_search_by_text_has_an_answer_too(printed: list[str]) -> None:
    """Which one is chance: the small model's weights are random."""
    assert printed[3].startswith("a dog: ")


@pytest.mark.usefixtures("printed")
def test_there_is_an_object_for_each_window(world: World) -> None:
    answer = httpx.get(f"http://{world.address}/v1/objects", params={"class": "Moment", "limit": 100})
    found = sorted(
        (item["properties"]["file"], item["properties"]["start_s"], item["properties"]["end_s"])
        for item in answer.json()["objects"]
    )
    assert found == [
        *(("film.mp4", start, start + 2) for start in range(16)),
        *(("night.wav", start, start + 2) for start in range(14)),
        *(("quiet.wav", start, start + 2) for start in range(4)),
    ]


def test_the_page_shows_the_program() -> None:
    page = (SNIPPETS.parent / "how-to" / "long-media.md").read_text(encoding="utf-8")
    program = (SNIPPETS / "long_media.py").read_text(encoding="utf-8")
    assert f"```python\n{program}```" in page
