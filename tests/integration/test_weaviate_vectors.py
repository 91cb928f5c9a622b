"""The real Weaviate says whether there are vectors to lose."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from bind_operator.cluster.vector_space import holds_vectors
from bind_operator.cluster.verification import Asker, Target
from bind_operator.policy.verification import Expected
from integration.weaviate_process import (
    FINGERPRINT,
    START_S,
    PlayedInference,
    is_ready,
    running_weaviate,
    started_weaviate,
)
from support.http_server import listening
from support.waiting import until

OURS = {"vectorizer": "multi2vec-bind", "moduleConfig": {"multi2vec-bind": {"textFields": ["text"]}}}
TEXT = {"properties": [{"name": "text", "dataType": ["text"]}]}
NAMED = {"all": {"vectorizer": {"multi2vec-bind": {"textFields": ["text"]}}, "vectorIndexType": "hnsw"}}


@pytest.fixture(scope="module")
def weaviate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder: Path = tmp_path_factory.mktemp("weaviate")
    with running_weaviate(folder) as address:
        yield address


@pytest.fixture(autouse=True)
def _empty(weaviate: str) -> Iterator[None]:
    yield
    classes = httpx.get(f"http://{weaviate}/v1/schema").json()["classes"]
    for one in classes:
        httpx.delete(f"http://{weaviate}/v1/schema/{one['class']}", timeout=20).raise_for_status()


def post(weaviate: str, path: str, body: dict[str, Any]) -> None:
    httpx.post(f"http://{weaviate}/v1/{path}", json=body, timeout=20).raise_for_status()


async def test_the_fingerprint_of_the_module(weaviate: str) -> None:
    # Nothing listens there: what Weaviate says is told in any case.
    target = Target(f"http://{weaviate}", "http://127.0.0.1:1", Expected(None))
    found = await Asker(5.0, 5.0).ask(target)
    assert found.fingerprint == FINGERPRINT


async def test_no_collection_or_an_empty_one_holds_none(weaviate: str) -> None:
    assert await holds_vectors(weaviate, 5.0) is False
    post(weaviate, "schema", {"class": "Things", **OURS, **TEXT})
    post(weaviate, "schema", {"class": "Named", "vectorConfig": NAMED, **TEXT})
    assert await holds_vectors(weaviate, 5.0) is False


async def test_vectors_of_the_user_are_not_the_modules(weaviate: str) -> None:
    post(weaviate, "schema", {"class": "Plain", "vectorizer": "none", **TEXT})
    post(weaviate, "objects", {"class": "Plain", "properties": {"text": "x"}, "vector": [0.1] * 4})
    assert await holds_vectors(weaviate, 5.0) is False


async def test_one_object_is_enough(weaviate: str) -> None:
    post(weaviate, "schema", {"class": "Things", **OURS, **TEXT})
    post(weaviate, "schema", {"class": "Named", "vectorConfig": NAMED, **TEXT})
    vectors = {"all": [0.1] * 32}
    post(weaviate, "objects", {"class": "Named", "properties": {"text": "x"}, "vectors": vectors})
    assert await holds_vectors(weaviate, 5.0) is True


async def test_a_collection_with_tenants_is_unknown(weaviate: str) -> None:
    post(weaviate, "schema", {"class": "Shared", "multiTenancyConfig": {"enabled": True}, **OURS, **TEXT})
    assert await holds_vectors(weaviate, 5.0) is None


async def test_a_closed_one_tells_whoever_has_a_key(tmp_path: Path) -> None:
    closed = {
        "AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED": "false",
        "AUTHENTICATION_APIKEY_ENABLED": "true",
        "AUTHENTICATION_APIKEY_ALLOWED_KEYS": "the-key",
        "AUTHENTICATION_APIKEY_USERS": "bind-operator",
    }
    with (
        listening(PlayedInference) as inference,
        started_weaviate(tmp_path, inference, more=closed) as started,
    ):
        address, _ = started
        until(lambda: is_ready(address), START_S, "Weaviate is ready")
        assert await holds_vectors(address, 5.0) is None
        assert await holds_vectors(address, 5.0, "another-key") is None
        assert await holds_vectors(address, 5.0, "the-key") is False
