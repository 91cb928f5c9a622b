"""Weaviate's REST API is asked for backups, restores and what the collections hold."""

import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver

from bind_operator.cluster.bounded import read_bounded
from bind_operator.policy.answers import Answer, Fault, quote

MAX_BYTES = 4 * 1024 * 1024
"""A list of a thousand backups, or a schema of hundreds of collections."""
CALL_S = 60.0
"""Weaviate writes to the place, and asks all of its nodes, before it answers that a backup has begun."""
MAX_TENANTS = 100
"""So many tenants of one collection are counted."""
ACTIVE = ("HOT", "ACTIVE")
"""Weaviate answers with the older word, and takes both."""
_NAME = re.compile(r"^[A-Z][_0-9A-Za-z]*$")
Objects = Mapping[str, int]


@dataclass(frozen=True)
class Tenants:
    """They are the tenants of one collection."""

    counted: tuple[str, ...]
    """Active ones, by their names."""
    others: frozenset[str]
    """Not active, offloaded, or past so many as are counted."""


@dataclass(frozen=True)
class Weaviate:
    """It asks one Weaviate."""

    url: str
    _session: aiohttp.ClientSession

    async def ask(self, method: str, path: str, body: object = None) -> Answer:
        """Return what one request brings; it follows no redirect."""
        url = f"{self.url}/v1/{path}"
        try:
            async with self._session.request(method, url, json=body, allow_redirects=False) as response:
                raw = await read_bounded(response, MAX_BYTES)
                status = response.status
        except TimeoutError:
            return Answer(url, fault=Fault.SLOW, text=f"no answer within {CALL_S:g} s")
        except (aiohttp.ClientError, OSError) as error:
            return Answer(url, fault=Fault.UNREACHABLE, text=quote(error) or type(error).__name__)
        if raw is None:
            return Answer(url, status, fault=Fault.UNUSABLE, text="an answer that is too long")
        try:
            return Answer(url, status, json.loads(raw) if raw else None)
        except ValueError:
            return Answer(url, status, text=quote(raw.decode("utf-8", "replace")))

    async def query(self, text: str) -> Mapping[str, Any] | None:
        """Return the data of a GraphQL query, what of it there is; None if it was refused."""
        answer = await self.ask("POST", "graphql", {"query": text})
        data = answer.body.get("data") if isinstance(answer.body, Mapping) else None
        return data if isinstance(data, Mapping) else None

    async def collections(self) -> dict[str, Mapping[str, Any]] | None:
        """Return the collections by name; None if Weaviate does not tell."""
        answer = await self.ask("GET", "schema")
        if answer.status != HTTPStatus.OK or not isinstance(answer.body, Mapping):
            return None
        return {one["class"]: one for one in answer.body.get("classes") or [] if _NAME.match(one["class"])}

    async def count(self) -> Objects | None:
        """Return the objects of each collection, and of each tenant of a collection that has them.

        A tenant is called COLLECTION/TENANT. One that is not active is not counted, since that would load
        it, and of each collection's active ones the first MAX_TENANTS. None if Weaviate does not tell.
        """
        collections = await self.collections()
        if collections is None:
            return None
        fields = {name: name for name, one in collections.items() if not has_tenants(one)}
        for name in (name for name, one in collections.items() if has_tenants(one)):
            tenants = await self.tenants(name)
            if tenants is None:
                return None
            fields |= {tenant_key(name, one): f"{name}(tenant: {json.dumps(one)})" for one in tenants.counted}
        if not fields:
            return {}
        keys = {f"n{number}": key for number, key in enumerate(fields)}
        parts = " ".join(f"{alias}: {fields[key]} {{ meta {{ count }} }}" for alias, key in keys.items())
        found = ((await self.query(f"{{ Aggregate {{ {parts} }} }}")) or {}).get("Aggregate")
        if not isinstance(found, Mapping):
            return None
        return {key: rows[0]["meta"]["count"] for alias, key in keys.items() if (rows := found.get(alias))}

    async def tenants(self, collection: str) -> Tenants | None:
        """Return the tenants of a collection; None if Weaviate does not tell."""
        answer = await self.ask("GET", f"schema/{collection}/tenants")
        if answer.status != HTTPStatus.OK or not isinstance(answer.body, list):
            return None
        active = {str(one["name"]): one.get("activityStatus", "HOT") in ACTIVE for one in answer.body}
        counted = sorted(name for name, is_active in active.items() if is_active)[:MAX_TENANTS]
        return Tenants(tuple(counted), frozenset(active) - frozenset(counted))


def has_tenants(collection: Mapping[str, Any]) -> bool:
    """Return whether each object of a collection is some tenant's."""
    return bool((collection.get("multiTenancyConfig") or {}).get("enabled"))


def tenant_key(collection: str, tenant: str) -> str:
    """Return what a tenant of a collection is called in counts; no collection has a slash in its name."""
    return f"{collection}/{tenant}"


@dataclass(frozen=True)
class WeaviateApi:
    """It opens what asks a Weaviate, by its address in the cluster."""

    resolver: AbstractResolver | None = None
    """It finds the addresses of names; None: the DNS does."""

    @asynccontextmanager
    async def open(self, url: str, api_key: str | None = None) -> AsyncIterator[Weaviate]:
        """Yield what asks the Weaviate at `url`, which is http://host, with `api_key` if there is one."""
        connector = aiohttp.TCPConnector(resolver=self.resolver, force_close=True)
        timeout = aiohttp.ClientTimeout(total=CALL_S, sock_connect=10)
        jar = aiohttp.DummyCookieJar()
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else None
        async with aiohttp.ClientSession(
            connector=connector, cookie_jar=jar, timeout=timeout, headers=headers
        ) as session:
            yield Weaviate(url, session)
