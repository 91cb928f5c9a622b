"""What the gate, the chart and the server rely on in Weaviate, asked of each version itself."""

import base64
import contextlib
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from bind_local.programs.modules import WEAVIATES, Module
from integration.weaviate_process import PROGRAM, is_ready, started_weaviate
from support.bind_module import PlayedServer, playing
from support.waiting import until

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

START_S = 60
GIVES_UP_S = 120
GRPC_BYTES = 104_858_000
PICTURE = base64.b64encode(b"a picture").decode()
RESENDS_FROM = (1, 37)
"""From this version on a call is sent again if a connection that was used before breaks under it."""
BLOB_HASH_FROM = (1, 37)
GUARDS_ADDRESSES_FROM = (1, 36)
"""From this version on MODULES_VALIDATE_BASE_URL is known: the module may then not ask a loopback address."""

KEYS = {
    "AUTHENTICATION_APIKEY_ENABLED": "true",
    "AUTHENTICATION_APIKEY_ALLOWED_KEYS": "a-key",
    "AUTHENTICATION_APIKEY_USERS": "somebody",
}

Results = dict[str, dict[str, Any]]
BOTH = {"multi2vec-bind": {"textFields": ["text"], "imageFields": ["image"]}}
THINGS = {
    "class": "Things",
    "vectorizer": "multi2vec-bind",
    "moduleConfig": BOTH,
    "properties": [{"name": "text", "dataType": ["text"]}, {"name": "image", "dataType": ["blob"]}],
}


def minor(module: Module) -> tuple[int, int]:
    major, second, _ = module.version().split(".")
    return int(major), int(second)


@pytest.fixture(scope="module", params=WEAVIATES, ids=lambda module: module.version())
def module(request: pytest.FixtureRequest) -> Module:
    found: Module = request.param
    return found


def program(module: Module) -> str:
    return f"{module.name}/{PROGRAM}"


@pytest.fixture(scope="module")
def server() -> PlayedServer:
    return PlayedServer()


@pytest.fixture(scope="module")
def url(module: Module, server: PlayedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a ready Weaviate with the class Things."""
    folder = tmp_path_factory.mktemp(module.name)
    with playing(server) as api, started_weaviate(folder, api, program(module)) as (address, _):
        until(lambda: is_ready(address), START_S, "Weaviate is ready")
        httpx.post(f"http://{address}/v1/schema", json=THINGS, timeout=20).raise_for_status()
        yield f"http://{address}"


@pytest.fixture(autouse=True)
def _afresh(server: PlayedServer) -> None:
    server.reset()


def insert(url: str, number: int, text: str = "one", **more: Any) -> httpx.Response:
    body = {
        "class": "Things",
        "id": f"00000000-0000-0000-0000-{number:012d}",
        "properties": {"text": text, "image": PICTURE},
    }
    return httpx.post(f"{url}/v1/objects", json=body | more, timeout=20)


def put(url: str, number: int, text: str) -> httpx.Response:
    id_ = f"00000000-0000-0000-0000-{number:012d}"
    body = {"class": "Things", "id": id_, "properties": {"text": text, "image": PICTURE}}
    return httpx.put(f"{url}/v1/objects/Things/{id_}", json=body, timeout=20)


def test_its_version(url: str, module: Module) -> None:
    assert httpx.get(f"{url}/v1/meta").json()["version"] == module.version()


def test_one_call_for_an_object_without_a_content_type(url: str, server: PlayedServer) -> None:
    assert insert(url, 1).status_code == 200
    (call,) = server.new_calls()
    assert call.body == {"texts": ["one"], "images": [PICTURE]}
    assert "content-type" not in {name.lower() for name in call.headers}


def test_only_a_change_is_embedded_and_then_the_whole_object(url: str, server: PlayedServer) -> None:
    assert insert(url, 2).status_code == 200
    server.new_calls()
    assert put(url, 2, "one").status_code == 200
    assert server.new_calls() == []
    assert put(url, 2, "two").status_code == 200
    (call,) = server.new_calls()
    assert call.body == {"texts": ["two"], "images": [PICTURE]}


@pytest.mark.parametrize("status", [429, 500, 503])
def test_no_status_is_tried_again_and_the_reason_is_shown(
    url: str, server: PlayedServer, status: int
) -> None:
    server.status, server.error = status, "the reason of the test"
    refused = insert(url, 1000 + status)
    assert refused.status_code >= 400
    assert f"fail with status {status}: the reason of the test" in refused.text
    assert len(server.new_calls()) == 1


def test_whether_a_broken_connection_is_tried_again(
    url: str, server: PlayedServer, module: Module, results: Results
) -> None:
    assert insert(url, 3).status_code == 200  # so that a connection is there to be used again
    server.new_calls()
    server.broken = 1
    answer = insert(url, 4)
    resends = minor(module) >= RESENDS_FROM
    assert (answer.status_code == 200) is resends
    assert len(server.new_calls()) == 1 + resends
    results[module.version()]["resends"] = resends


def test_a_connection_that_breaks_each_time_is_no_endless_poison(
    url: str, server: PlayedServer, module: Module
) -> None:
    """The gate answers for a server that dies; without one, so often would the item reach a server."""
    assert insert(url, 5).status_code == 200
    server.new_calls()
    server.broken = 50
    assert insert(url, 6).status_code >= 400
    assert 1 <= len(server.new_calls()) <= 3


def test_readiness_waits_for_meta_and_ignores_its_status(url: str, server: PlayedServer) -> None:
    server.meta_delay_s = 1.5
    server.meta_status = 500
    began = time.monotonic()
    assert httpx.get(f"{url}/v1/.well-known/ready", timeout=20).status_code == 200
    assert time.monotonic() - began >= 1.5


def test_the_largest_grpc_message(url: str) -> None:
    assert int(httpx.get(f"{url}/v1/meta").json()["grpcMaxMessageSize"]) == GRPC_BYTES


def test_an_alias_is_searched_as_its_collection(url: str) -> None:
    made = httpx.post(f"{url}/v1/aliases", json={"alias": "Sachen", "class": "Things"}, timeout=20)
    assert made.status_code == 200, made.text
    query = '{ Get { Sachen(nearText: {concepts: ["one"]}, limit: 1) { text } } }'
    found = httpx.post(f"{url}/v1/graphql", json={"query": query}, timeout=20).json()
    assert found["data"]["Get"]["Sachen"], found


def test_mcp_is_off(url: str) -> None:
    ask = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    headers = {"Accept": "application/json, text/event-stream"}
    assert httpx.post(f"{url}/v1/mcp", json=ask, headers=headers, timeout=20).status_code >= 400


def test_whether_blobs_may_be_stored_as_hashes(
    url: str, server: PlayedServer, module: Module, results: Results
) -> None:
    made = httpx.post(f"{url}/v1/schema", json=hashed("Hashed", "int"), timeout=20)
    can = minor(module) >= BLOB_HASH_FROM
    assert (made.status_code == 200) is can, made.text
    results[module.version()]["blobHash"] = can
    if can:
        body = {"class": "Hashed", "properties": {"image": PICTURE}}
        stored = httpx.post(f"{url}/v1/objects", json=body, timeout=20).json()
        assert server.new_calls()[0].body == {"images": [PICTURE]}, "the server sees the picture itself"
        found = httpx.get(f"{url}/v1/objects/Hashed/{stored['id']}", timeout=20).json()
        assert len(found["properties"]["image"]) == 64
        # The module calls every text property of a class one of its own, also those that it does not embed.
        mixed = httpx.post(f"{url}/v1/schema", json=hashed("Mixed", "text"), timeout=20)
        assert "cannot be combined" in mixed.text


def hashed(name: str, beside: str) -> dict[str, Any]:
    """Return a class whose pictures are stored as hashes, beside a property that is not embedded."""
    return {
        "class": name,
        "vectorizer": "multi2vec-bind",
        "moduleConfig": {"multi2vec-bind": {"imageFields": ["image"]}},
        "properties": [
            {"name": "image", "dataType": ["blobHash"]},
            {"name": "beside", "dataType": [beside]},
        ],
    }


@contextlib.contextmanager
def ready_weaviate(module: Module, folder: "Path", api: str, **more: str | None) -> Iterator[str]:
    with started_weaviate(folder, api, program(module), more) as (address, _):
        until(lambda: is_ready(address), START_S, "Weaviate is ready")
        yield f"http://{address}"


def test_a_call_ends_at_the_module_s_limit(module: Module, tmp_path: "Path") -> None:
    server = PlayedServer(delay_s=6)
    with (
        playing(server) as api,
        ready_weaviate(module, tmp_path, api, MODULES_CLIENT_TIMEOUT="1s") as url,
    ):
        httpx.post(f"{url}/v1/schema", json=THINGS, timeout=20).raise_for_status()
        began = time.monotonic()
        refused = insert(url, 1)
        assert time.monotonic() - began < 5
    assert refused.status_code >= 400
    assert "deadline exceeded" in refused.text


@pytest.mark.parametrize(("more", "status"), [({}, 200), (KEYS, 401)], ids=["no keys", "keys"])
def test_everybody_is_let_in_unless_there_are_keys(
    module: Module, tmp_path: "Path", more: dict[str, str], status: int
) -> None:
    without = {"AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED": None}
    with playing(PlayedServer()) as api, ready_weaviate(module, tmp_path, api, **without, **more) as url:
        assert httpx.get(f"{url}/v1/schema", timeout=20).status_code == status


def test_it_opens_again_what_it_wrote(module: Module, tmp_path: "Path") -> None:
    with playing(PlayedServer()) as api:
        with ready_weaviate(module, tmp_path, api) as url:
            httpx.post(f"{url}/v1/schema", json=THINGS, timeout=20).raise_for_status()
            assert insert(url, 1).status_code == 200
        with ready_weaviate(module, tmp_path, api) as url:
            assert httpx.get(f"{url}/v1/objects/Things/00000000-0000-0000-0000-000000000001").is_success


def test_whether_it_may_be_kept_from_loopback_addresses(
    module: Module, tmp_path: "Path", results: Results
) -> None:
    """The gate listens on one, so that spec.weaviate.env may not set the variable."""
    guarded = minor(module) >= GUARDS_ADDRESSES_FROM
    more = {"MODULES_VALIDATE_BASE_URL": "true"}
    with (
        playing(PlayedServer()) as api,
        started_weaviate(tmp_path, api, program(module), more) as (address, _),
    ):
        log = tmp_path / "weaviate.log"
        if guarded:
            until(lambda: "refusing to dial internal address" in log.read_text(), START_S, "it is refused")
            assert not is_ready(address)
        else:
            until(lambda: is_ready(address), START_S, "Weaviate is ready")


def test_all_of_them_wait_for_the_inference_server_and_give_up_after_two_minutes(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """At the same time, because each takes two minutes."""
    server = PlayedServer(ready=False)
    with contextlib.ExitStack() as stack:
        api = stack.enter_context(playing(server))
        began = time.monotonic()
        running: dict[str, tuple[str, subprocess.Popen[bytes]]] = {
            one.version(): stack.enter_context(
                started_weaviate(tmp_path_factory.mktemp("waiting"), api, program(one))
            )
            for one in WEAVIATES
        }
        until(lambda: server.ready_asked >= 5 * len(running), START_S, "each asks once a second")
        for address, process in running.values():
            assert process.poll() is None
            with pytest.raises(httpx.ConnectError):
                httpx.get(f"http://{address}/v1/.well-known/live")
        for version, (_, process) in running.items():
            assert process.wait(timeout=3 * GIVES_UP_S) != 0, version
            assert time.monotonic() - began >= GIVES_UP_S - 5, version
