"""Pictures that are stored as hashes take no room, and are found as pictures are."""

import base64
import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from bind_local.programs.modules import WEAVIATES
from integration.weaviate_process import PROGRAM, is_ready, started_weaviate
from support.bind_module import PlayedServer, playing
from support.waiting import until

PICTURES = 1000
PICTURE_BYTES = 300_000
SHARE = 0.05
"""Of the disk that whole pictures take."""
BATCH = 25

Results = dict[str, dict[str, Any]]
IDS = "00000000-0000-0000-0000-{:012d}"


def picture(number: int) -> str:
    """Return a medium of the size of a photo; it cannot be compressed, as photos cannot."""
    return base64.b64encode(np.random.default_rng(number).bytes(PICTURE_BYTES)).decode()


def class_of(name: str, data_type: str) -> dict[str, Any]:
    return {
        "class": name,
        "vectorizer": "multi2vec-bind",
        "moduleConfig": {"multi2vec-bind": {"imageFields": ["image"]}},
        "properties": [
            {"name": "image", "dataType": [data_type]},
            {"name": "views", "dataType": ["int"]},  # no text: see test_facts.py
        ],
    }


@pytest.fixture(scope="module")
def server() -> PlayedServer:
    return PlayedServer()


def fill(url: str, data_type: str) -> None:
    """Put all pictures into the class Pictures."""
    httpx.post(f"{url}/v1/schema", json=class_of("Pictures", data_type), timeout=20).raise_for_status()
    for start in range(0, PICTURES, BATCH):
        objects = [
            {
                "class": "Pictures",
                "id": IDS.format(number),
                "properties": {"image": picture(number), "views": number},
            }
            for number in range(start, start + BATCH)
        ]
        answer = httpx.post(f"{url}/v1/batch/objects", json={"objects": objects}, timeout=120)
        assert all(one["result"]["status"] == "SUCCESS" for one in answer.json()), answer.text[:500]


@pytest.fixture(scope="module")
def filled(server: PlayedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Return, by data type, the address of a Weaviate with the pictures and the folder of its files."""
    program = f"{WEAVIATES[-1].name}/{PROGRAM}"
    made: dict[str, Any] = {}
    with contextlib.ExitStack() as stack:
        api = stack.enter_context(playing(server))
        for data_type in ("blob", "blobHash"):
            folder = tmp_path_factory.mktemp(data_type)
            address, _ = stack.enter_context(started_weaviate(folder, api, program))
            until(partial(is_ready, address), 60, "Weaviate is ready")
            made[data_type] = (f"http://{address}", folder)
            fill(made[data_type][0], data_type)
        yield made
    for _, folder in made.values():
        shutil.rmtree(folder)


def disk(folder: Path) -> int:
    done = subprocess.run(["du", "-s", "-B1", folder], capture_output=True, text=True, check=True)
    return int(done.stdout.split()[0])


def hits(url: str, number: int) -> list[tuple[str, float]]:
    query = (
        f'{{ Get {{ Pictures(nearImage: {{image: "{picture(number)}"}}, limit: 20) '
        "{ _additional { id distance } } } }"
    )
    body = httpx.post(f"{url}/v1/graphql", json={"query": query}, timeout=20).json()
    return [
        (one["_additional"]["id"], one["_additional"]["distance"]) for one in body["data"]["Get"]["Pictures"]
    ]


def test_they_take_a_twentieth_of_the_disk_at_most(filled: dict[str, Any], results: Results) -> None:
    whole, hashed = (disk(filled[data_type][1]) for data_type in ("blob", "blobHash"))
    results[WEAVIATES[-1].version()]["disk of blobHash"] = [hashed, whole]
    assert whole >= PICTURES * PICTURE_BYTES
    assert hashed <= SHARE * whole


@pytest.mark.parametrize("number", [0, 17, PICTURES - 1])
def test_the_hits_are_the_same(filled: dict[str, Any], number: int) -> None:
    whole, hashed = (hits(filled[data_type][0], number) for data_type in ("blob", "blobHash"))
    assert len(whole) == 20
    assert [distance for _, distance in hashed] == pytest.approx(
        [distance for _, distance in whole], abs=1e-5
    )
    assert {id_ for id_, _ in hashed} == {id_ for id_, _ in whole}


def test_a_change_of_a_number_embeds_nothing_and_one_of_the_picture_does(
    filled: dict[str, Any], server: PlayedServer
) -> None:
    url = f"{filled['blobHash'][0]}/v1/objects/Pictures/{IDS.format(1)}"
    server.new_calls()
    vector = httpx.get(url, params={"include": "vector"}, timeout=20).json()["vector"]
    patch = {"class": "Pictures", "properties": {"views": 5}}
    assert httpx.patch(url, json=patch, timeout=20).is_success
    assert server.new_calls() == []
    assert httpx.get(url, params={"include": "vector"}, timeout=20).json()["vector"] == vector
    patch = {"class": "Pictures", "properties": {"image": picture(PICTURES)}}
    assert httpx.patch(url, json=patch, timeout=20).is_success
    assert [call.body for call in server.new_calls()] == [{"images": [picture(PICTURES)]}]
