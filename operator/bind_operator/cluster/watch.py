"""A watch lists and follows one kind of object as long as the operator lives, whatever the API server does.

Each failure ends in a wait and another attempt. It goes on where it was if the connection was only lost, and
lists anew if that place is gone or in doubt.
"""

import asyncio
import json
import random
import ssl
import time
from collections.abc import AsyncIterator, Callable, Sequence
from http import HTTPStatus
from typing import Any

import aiohttp

from bind_operator.cluster.client import METADATA_ONLY, KubeClient, message_of
from bind_operator.cluster.watch_failures import WatchFailures
from bind_operator.policy.objects import Object
from bind_operator.policy.watching import Cause, Signs, WatchedKind, cause_of_status, retry_wait_s

SILENCE_S = 70.0
"""A connection that is silent for so long is taken for cut: the API server sends a bookmark each minute."""
CONNECT_S = 10.0
STREAM_S = (240, 300)
"""The API server ends a watch after a time between these, so that not all of them begin anew at once."""
LIVES_AFTER_S = 5.0
"""A watch that broke earlier than this has not recovered from the failure before."""
ONE_METADATA = METADATA_ONLY.replace("PartialObjectMetadataList", "PartialObjectMetadata")


class WatchFailed(Exception):
    """The API server refused a list or a watch, in words of its own."""

    def __init__(self, status: int, message: str, asked_s: float | None = None) -> None:
        super().__init__(f"{status}: {message}")
        self.cause = cause_of_status(status)
        self.asked_s = asked_s


class Watch:
    """It watches one kind in one namespace, or in all where the namespace is empty."""

    def __init__(
        self,
        client: KubeClient,
        kind: WatchedKind,
        namespace: str,
        on_change: Callable[[str, Object], None],
        on_listed: Callable[[Sequence[Object]], None],
    ) -> None:
        """Call `on_change` with type and object of each event, and `on_listed` with all objects of a list."""
        self._client = client
        self.kind = kind
        self._path = kind.path(namespace)
        self._name = f"{kind.plural} in {namespace}" if namespace else kind.plural
        self._on_change = on_change
        self._on_listed = on_listed
        self._version = ""
        self._failures = 0
        self._cause = Cause.NONE
        self._log = WatchFailures(kind, self._name)
        self._seen_at = self._tried_at = time.monotonic()

    @property
    def signs(self) -> Signs:
        """Return what the watch shows of its life."""
        return Signs(self._name, self.kind.is_optional, self._seen_at, self._tried_at, self._cause)

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            wait_s = await self._attempt()
            await asyncio.sleep(wait_s)

    async def _attempt(self) -> float:
        """List if need be and follow until it ends; return how long to wait before the next attempt."""
        self._tried_at = started = time.monotonic()
        error: Exception | None = None
        asked_s = None
        cause = Cause.NONE
        try:
            if not self._version:
                await self._list()
            await self._follow()
        except WatchFailed as failed:
            error, cause, asked_s = failed, failed.cause, failed.asked_s
            self._version = ""
        except (ssl.SSLError, aiohttp.ClientSSLError) as failed:
            # The operator's own idea of the server's certificate may be an old one.
            error, cause = failed, Cause.UNAUTHORIZED
        except (aiohttp.ClientError, TimeoutError, OSError) as failed:
            error, cause = failed, Cause.UNREACHABLE
        except (ValueError, KeyError, TypeError) as failed:
            # No answer of an API server looks so; a proxy's may.
            error, cause = failed, Cause.REFUSED
            self._version = ""
        self._tried_at = time.monotonic()
        lived = self._tried_at - started > LIVES_AFTER_S
        self._failures = 1 if lived or error is None else self._failures + 1
        wait_s = retry_wait_s(self.kind, cause, self._failures, asked_s, random.random())  # noqa: S311
        self._cause = cause
        if error is not None:
            self._log.record(cause, str(error) or type(error).__name__, is_first=self._failures == 1)
        return wait_s

    async def _list(self) -> None:
        """Take the place to watch from, and with it all objects, if the kind is listed."""
        # Any version will do: the watch goes on from it, and a reconciliation reads for itself.
        query = {"limit": "1"} if self.kind.is_news else {**self._selectors(), "resourceVersion": "0"}
        timeout = aiohttp.ClientTimeout(total=60.0, sock_connect=CONNECT_S)
        response = await self._client.open(self._path, query, METADATA_ONLY, timeout)
        async with response:
            text = await response.text()
            _raise_for(response, text)
        answer = json.loads(text)
        self._version = answer["metadata"]["resourceVersion"]
        self._seen_at = time.monotonic()
        if not self.kind.is_news:
            self._on_listed(answer.get("items") or [])

    async def _follow(self) -> None:
        query = {
            **self._selectors(),
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": self._version,
            "timeoutSeconds": str(random.randint(*STREAM_S)),  # noqa: S311
        }
        accept = "application/json" if self.kind.is_news else ONE_METADATA
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=SILENCE_S)
        response = await self._client.open(self._path, query, accept, timeout)
        async with response:
            if response.status != HTTPStatus.OK:
                _raise_for(response, await response.text())
            self._seen_at = time.monotonic()
            self._cause = Cause.NONE
            self._log.over()
            async for line in _lines(response):
                self._take(json.loads(line))

    def _take(self, event: dict[str, Any]) -> None:
        type_, item = event["type"], event["object"]
        if type_ == "ERROR":
            raise WatchFailed(int(item.get("code") or 0), str(item.get("message", "")))
        self._seen_at = time.monotonic()
        self._version = item["metadata"]["resourceVersion"]
        if type_ != "BOOKMARK":
            self._on_change(type_, item)

    def _selectors(self) -> dict[str, str]:
        query = {"labelSelector": self.kind.labels, "fieldSelector": self.kind.fields}
        return {name: value for name, value in query.items() if value}


async def _lines(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """Yield the lines of a stream, of any length: an object may have 1.5 MB."""
    rest = b""
    async for chunk in response.content.iter_any():
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line.strip():
                yield line


def _raise_for(response: aiohttp.ClientResponse, text: str) -> None:
    """Raise WatchFailed unless the answer is a good one."""
    if response.status == HTTPStatus.OK:
        return
    after = response.headers.get("Retry-After", "")
    raise WatchFailed(response.status, message_of(text), float(after) if after.isdigit() else None)
