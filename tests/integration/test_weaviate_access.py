"""The real Weaviate with keys: how they are replaced while requests run, and what an agent may do by MCP."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from integration.weaviate_process import START_S, PlayedInference, is_ready, started_weaviate
from support.http_server import listening
from support.waiting import until

ADMIN, READER, SECOND = "admin-key-0123456789", "reader-key-0123456789", "second-key-0123456789"
THING = {
    "class": "Thing",
    "vectorizer": "none",
    "properties": [{"name": "text", "dataType": ["text"]}],
}


@contextmanager
def keyed_weaviate(folder: Path, keys: dict[str, str], **more: str | None) -> Iterator[str]:
    """Run Weaviate with keys and their users, and yield its address; its files stay for the next one."""
    environment = {
        "AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED": "false",
        "AUTHENTICATION_APIKEY_ENABLED": "true",
        "AUTHENTICATION_APIKEY_ALLOWED_KEYS": ",".join(keys),
        "AUTHENTICATION_APIKEY_USERS": ",".join(keys.values()),
        **more,
    }
    with listening(PlayedInference) as url, started_weaviate(folder, url, more=environment) as (address, _):
        until(lambda: is_ready(address), START_S, "Weaviate is ready")
        yield f"http://{address}"


LISTS = {
    "AUTHORIZATION_ADMINLIST_ENABLED": "true",
    "AUTHORIZATION_ADMINLIST_USERS": "admin",
    "AUTHORIZATION_ADMINLIST_READONLY_USERS": "read-only",
}


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def ask(url: str, method: str, path: str, key: str, body: object = None) -> httpx.Response:
    return httpx.request(method, f"{url}/v1{path}", headers=bearer(key), json=body, timeout=20)


def test_two_keys_of_one_user_bridge_a_restart_and_the_old_one_is_void_after_the_next(
    tmp_path: Path,
) -> None:
    """So a key is replaced by two restarts, and a client is at no time without one that is taken."""

    def taken(keys: dict[str, str]) -> dict[str, int]:
        with keyed_weaviate(tmp_path, keys, **LISTS) as url:
            return {key: ask(url, "GET", "/schema", key).status_code for key in (ADMIN, SECOND)}

    assert taken({ADMIN: "admin", READER: "read-only"}) == {ADMIN: 200, SECOND: 401}
    assert taken({ADMIN: "admin", SECOND: "admin", READER: "read-only"}) == {ADMIN: 200, SECOND: 200}
    assert taken({SECOND: "admin", READER: "read-only"}) == {ADMIN: 401, SECOND: 200}


class Client:
    """An application that searches all the time with the key that it has."""

    def __init__(self, url: str, key: str) -> None:
        self.key = key
        self.statuses: list[int] = []
        self._url = url
        self._stop = threading.Event()

    @contextmanager
    def running(self) -> Iterator[None]:
        thread = threading.Thread(target=self._run)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()

    def _run(self) -> None:
        query = {"query": "{ Get { Thing(limit: 1) { text } } }"}
        while not self._stop.is_set():
            answer = ask(self._url, "POST", "/graphql", self.key, query)
            failed = answer.status_code == 200 and answer.json().get("errors")
            self.statuses.append(500 if failed else answer.status_code)

    def more(self) -> None:
        """Wait until it has been answered some times more."""
        seen = len(self.statuses)
        until(lambda: len(self.statuses) >= seen + 10, 60, "the client is answered")


@pytest.fixture(scope="module")
def roles(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    more = {
        "AUTHENTICATION_DB_USERS_ENABLED": "true",
        "AUTHORIZATION_RBAC_ENABLED": "true",
        "AUTHORIZATION_RBAC_ROOT_USERS": "admin",
    }
    with keyed_weaviate(tmp_path_factory.mktemp("roles"), {ADMIN: "admin"}, **more) as url:
        ask(url, "POST", "/schema", ADMIN, THING).raise_for_status()
        yield url


def made_user(url: str, name: str) -> str:
    """Make a user who may read, and return the key."""
    made = ask(url, "POST", f"/users/db/{name}", ADMIN, {})
    assert made.status_code == 201, made.text
    given = ask(url, "POST", f"/authz/users/{name}/assign", ADMIN, {"roles": ["viewer"], "userType": "db"})
    assert given.status_code == 200, given.text
    key: str = made.json()["apikey"]
    return key


def test_a_second_user_replaces_a_key_without_a_restart_and_without_a_failed_request(roles: str) -> None:
    client = Client(roles, made_user(roles, "app-1"))
    with client.running():
        client.more()
        second = made_user(roles, "app-2")
        client.more()
        first, client.key = client.key, second
        client.more()
        assert ask(roles, "DELETE", "/users/db/app-1", ADMIN).status_code == 204
        client.more()
    assert set(client.statuses) == {200}, client.statuses
    assert ask(roles, "GET", "/schema", first).status_code == 401


def test_rotating_a_user_s_own_key_voids_the_old_one_at_once(roles: str) -> None:
    """So it is no way to replace a key without a failed request, as the page says."""
    old = made_user(roles, "alone")
    rotated = ask(roles, "POST", "/users/db/alone/rotate-key", ADMIN)
    assert rotated.status_code == 200, rotated.text
    statuses = [ask(roles, "GET", "/schema", key).status_code for key in (old, rotated.json()["apikey"])]
    assert statuses == [401, 200]


class Agent:
    """A client of the Model Context Protocol, of the few messages that a search takes."""

    def __init__(self, url: str, key: str) -> None:
        accept = {"Accept": "application/json, text/event-stream"}
        self._http = httpx.Client(base_url=url, headers=accept | bearer(key), timeout=20)
        self.status = self.say("initialize", INITIALIZE).status_code

    def say(self, method: str, params: dict[str, Any]) -> httpx.Response:
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        answer = self._http.post("/v1/mcp", json=message)
        if session := answer.headers.get("Mcp-Session-Id"):
            self._http.headers["Mcp-Session-Id"] = session
        return answer

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        answer = self.say("tools/call", {"name": tool, "arguments": arguments})
        found: dict[str, Any] = result(answer)
        return found


INITIALIZE = {
    "protocolVersion": "2025-03-26",
    "capabilities": {},
    "clientInfo": {"name": "test", "version": "1"},
}


def result(answer: httpx.Response) -> Any:
    """Return the result of an answer, which is JSON or one event of a stream."""
    assert answer.status_code == 200, answer.text
    text = answer.text
    if text.startswith(("event:", "data:", "id:")):
        text = next(line.removeprefix("data:") for line in text.splitlines() if line.startswith("data:"))
    return json.loads(text)["result"]


def test_an_agent_with_a_key_that_may_only_read_searches_and_writes_nothing(tmp_path: Path) -> None:
    keys = {ADMIN: "admin", READER: "read-only"}
    with keyed_weaviate(tmp_path, keys, MCP_SERVER_ENABLED="true", **LISTS) as url:
        ask(url, "POST", "/schema", ADMIN, THING).raise_for_status()
        stored = {"class": "Thing", "properties": {"text": "a dog"}, "vector": [1.0, 0.0]}
        ask(url, "POST", "/objects", ADMIN, stored).raise_for_status()
        assert Agent(url, "wrong-key-0123456789").status == 401
        agent = Agent(url, READER)
        assert agent.status == 200
        tools = {tool["name"] for tool in result(agent.say("tools/list", {}))["tools"]}
        assert "weaviate-query-hybrid" in tools
        assert "weaviate-objects-upsert" not in tools
        config = agent.call("weaviate-collections-get-config", collection_name="Thing")
        assert not config.get("isError"), config
        found = agent.call("weaviate-query-hybrid", collection_name="Thing", query="dog", alpha=0.0)
        assert "a dog" in json.dumps(found), found
        thing = {"collection_name": "Thing", "objects": [{"properties": {"text": "a cat"}}]}
        refused = agent.say("tools/call", {"name": "weaviate-objects-upsert", "arguments": thing})
        assert "MCP write access is disabled" in refused.text
        # Even if it were on, this key could not.
        assert ask(url, "POST", "/objects", READER, stored).status_code == 403
