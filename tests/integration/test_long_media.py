"""The program of docs/how-to/long-media.md, as it stands there, against the real Weaviate and server."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest

from integration.weaviate_process import running_weaviate
from support.media import scenes, sound
from support.ports import free_ports
from support.server import server

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / "docs" / "snippets" / "long_media.py"
RATE = 16_000
# What connects to a Weaviate on other ports than the clients' own, and runs the program.
ELSEWHERE = """
import functools, runpy, sys, weaviate
port, grpc_port, *sys.argv = sys.argv[1:]
local = functools.partial(weaviate.connect_to_local, port=int(port), grpc_port=int(grpc_port))
weaviate.connect_to_local = local
runpy.run_path(sys.argv[0], run_name="__main__")
"""


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
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str, str]]:
    """Weaviate's two ports and the server's URL."""
    folder = tmp_path_factory.mktemp("weaviate")
    (grpc,) = free_ports(1)
    with server(folder) as inference, running_weaviate(folder, inference.url, grpc) as address:
        yield address.rpartition(":")[2], str(grpc), inference.url


@pytest.fixture(scope="module")
def printed(folder: Path, ports: tuple[str, str, str]) -> list[str]:
    """What the program says when it looks for the two seconds, by sound and by film, and for a text."""
    port, grpc, url = ports
    command = [sys.executable, "-c", ELSEWHERE, port, grpc, str(PROGRAM), "hiss.wav", "flag.mp4", "a dog"]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, timeout=120, env={"SERVER": url}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


def test_a_search_by_sound_finds_the_second(printed: list[str]) -> None:
    assert printed[0] == "all are stored"
    assert printed[1] == "hiss.wav: night.wav from 7 s to 9 s"


def test_a_search_by_film_finds_the_second(printed: list[str]) -> None:
    assert printed[2] == "flag.mp4: film.mp4 from 11 s to 13 s"


def test_a_search_by_text_has_an_answer_too(printed: list[str]) -> None:
    """Which one is chance: the small model's weights are random."""
    assert printed[3].startswith("a dog: ")


@pytest.mark.usefixtures("printed")
def test_there_is_an_object_for_each_window(ports: tuple[str, str, str]) -> None:
    answer = httpx.get(f"http://127.0.0.1:{ports[0]}/v1/objects", params={"class": "Moment", "limit": 100})
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
    page = (ROOT / "docs" / "how-to" / "long-media.md").read_text(encoding="utf-8")
    assert f"```python\n{PROGRAM.read_text(encoding='utf-8')}```" in page
