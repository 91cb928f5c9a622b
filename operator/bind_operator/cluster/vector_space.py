"""Weaviate is asked whether any collection holds vectors of the module."""

import json
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import aiohttp

from bind_operator.cluster.bounded import read_bounded
from bind_operator.policy.names import MODULE

MAX_OBJECTS_BYTES = 64 * 1024
MAX_SCHEMA_BYTES = 1024 * 1024
MAX_COLLECTIONS = 50
"""Beyond so many, the collections are taken for filled without a look into each."""
_NAME = re.compile(r"^[A-Z][_0-9A-Za-z]*$")


async def holds_vectors(address: str, timeout_s: float, api_key: str | None = None) -> bool | None:
    """Return whether a collection of Weaviate at `host:port` holds objects of the module, None if unknown.

    api_key: what is shown to it; None: nothing.
    """
    async with _session(timeout_s, api_key) as session:
        schema = await _ask(session, f"http://{address}/v1/schema", MAX_SCHEMA_BYTES)
        names = collections_of(schema)
        if names is None:
            return None
        if not names:
            return False
        if len(names) > MAX_COLLECTIONS or not all(map(_NAME.match, names)):
            return True
        parts = " ".join(f"{name}(limit: 1) {{ _additional {{ id }} }}" for name in names)
        query = {"query": f"{{ Get {{ {parts} }} }}"}
        answer = await _ask(session, f"http://{address}/v1/graphql", MAX_OBJECTS_BYTES, query)
    return _any_object(answer)


def collections_of(schema: Any) -> list[str] | None:
    """Return the names of the collections that the module fills, None if `schema` is no schema."""
    if not isinstance(schema, Mapping) or not isinstance(schema.get("classes"), list | None):
        return None
    classes = [one for one in schema.get("classes") or [] if isinstance(one, Mapping)]
    return [str(one.get("class")) for one in classes if MODULE in _vectorizers(one)]


def _vectorizers(collection: Mapping[str, Any]) -> set[str]:
    named = collection.get("vectorConfig")
    configs = named.values() if isinstance(named, Mapping) else ()
    found = {str(collection.get("vectorizer"))}
    for config in configs:
        vectorizer = config.get("vectorizer") if isinstance(config, Mapping) else None
        found |= set(vectorizer) if isinstance(vectorizer, Mapping) else set()
    return found


def _any_object(answer: Any) -> bool | None:
    """Return whether the answer of a GraphQL query holds an object; a collection with tenants refuses it."""
    if not isinstance(answer, Mapping):
        return None
    data = answer.get("data")
    found = data.get("Get") if isinstance(data, Mapping) else None
    if answer.get("errors") or not isinstance(found, Mapping):
        return None
    return any(found.values())


def _session(timeout_s: float, api_key: str | None) -> aiohttp.ClientSession:
    headers = {"Authorization": f"Bearer {api_key}"} if api_key else None
    return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=timeout_s), headers=headers)


async def _ask(
    session: aiohttp.ClientSession, url: str, most: int, body: Mapping[str, Any] | None = None
) -> Any:
    """Return the parsed answer; None if there is none of at most `most` bytes, or another status than 200."""
    method = "GET" if body is None else "POST"
    try:
        async with session.request(method, url, json=body, allow_redirects=False) as response:
            if response.status != HTTPStatus.OK:
                return None
            raw = await read_bounded(response, most)
    except (aiohttp.ClientError, TimeoutError, OSError):
        return None
    try:
        return None if raw is None else json.loads(raw)
    except ValueError:
        return None
