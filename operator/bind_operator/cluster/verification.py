"""The live check asks Weaviate for its module, and the gate for the vectors of one text and one picture."""

import asyncio
import json
import os
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver

from bind_operator.cluster.bounded import read_bounded
from bind_operator.policy.answers import Answer, Fault, asks_credentials, quote
from bind_operator.policy.facts import Verification
from bind_operator.policy.verification import Answers, Expected, judge

MAX_ANSWER_BYTES = 64 * 1024
"""Two vectors of 1,024 numbers take 45 kB with all their digits."""


@dataclass(frozen=True)
class Target:
    """It says whom to ask and what to expect."""

    weaviate: str
    """Address of Weaviate's REST API, as http://host:port; an external one's, by the gate."""
    gate: str | None
    """Address of the gates' health listeners; None if there is no inference pod to ask."""
    expected: Expected
    by_key: str | None = None
    """Address at which the gate asks Weaviate with its key; None if it has none, or is asked there anyway."""


@dataclass(frozen=True)
class Asker:
    """It asks a target once: it follows no redirect, and waits for neither a long answer nor a slow one."""

    timeout_s: float
    """Time limit of connecting, and of a request for metadata."""
    embedding_timeout_s: float
    """Time limit of the request that embeds."""
    resolver: AbstractResolver | None = None
    """It finds the addresses of names; None: the DNS does."""

    async def ask(self, target: Target) -> Verification:
        """Return the result of one check."""
        connector = aiohttp.TCPConnector(resolver=self.resolver, force_close=True)
        session = aiohttp.ClientSession(
            connector=connector, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False
        )
        async with session:
            requests = [self._get(session, f"{target.weaviate}/v1/meta", self.timeout_s)]
            if target.gate is not None:
                requests.append(self._get(session, f"{target.gate}/verify", self.embedding_timeout_s))
            weaviate, *vectors = await asyncio.gather(*requests)
            meta, by_key = None, None
            if target.by_key is not None and asks_credentials(weaviate):
                by_key = await self._get(session, f"{target.by_key}/v1/meta", self.timeout_s)
            is_untold = target.expected.weaviate is not None or asks_credentials(weaviate)
            if is_untold and target.gate is not None:
                meta = await self._get(session, f"{target.gate}/meta", self.timeout_s)
        answers = Answers(weaviate, vectors[0] if vectors else None, meta, by_key)
        return judge(answers, target.expected)

    async def _get(self, session: aiohttp.ClientSession, url: str, limit_s: float) -> Answer:
        """Return what one request brings."""
        # The whole limit is the longer one: else it would end, and hide, a connection that never comes about.
        timeout = aiohttp.ClientTimeout(total=self.timeout_s + limit_s, sock_connect=self.timeout_s)
        headers = {"Accept-Encoding": "identity"}
        try:
            async with session.get(url, timeout=timeout, allow_redirects=False, headers=headers) as response:
                return _read(url, response.status, await read_bounded(response, MAX_ANSWER_BYTES))
        except aiohttp.ConnectionTimeoutError:
            return Answer(url, fault=Fault.UNREACHABLE, text="no connection in time")
        except TimeoutError:
            return Answer(url, fault=Fault.SLOW, text=f"no answer within {limit_s:g} s")
        except aiohttp.ClientConnectorDNSError as error:
            return Answer(url, fault=Fault.BROKEN, text=f"the name is not known: {quote(error.os_error)}")
        except aiohttp.ClientConnectorError as error:
            number = error.os_error.errno
            text = os.strerror(number).lower() if number else "cannot connect"
            return Answer(url, fault=Fault.UNREACHABLE, text=text)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Answer(url, fault=Fault.BROKEN, text=quote(error) or type(error).__name__)


def _read(url: str, status: int, body: bytes | None) -> Answer:
    """Return the answer with its JSON, or what is wrong with it."""
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        text = f"a redirect (status {status}), which is not followed"
        return Answer(url, status, fault=Fault.UNUSABLE, text=text)
    if body is None:
        text = f"an answer of more than {MAX_ANSWER_BYTES // 1024} KiB"
        return Answer(url, status, fault=Fault.UNUSABLE, text=text)
    try:
        parsed: Any = json.loads(body) if body else None
    except (ValueError, RecursionError):
        said = quote(body.decode("utf-8", "replace"))
        if status >= HTTPStatus.BAD_REQUEST:
            return Answer(url, status, {"error": said})
        return Answer(url, status, fault=Fault.UNUSABLE, text=f"an answer that is not JSON: {said}")
    return Answer(url, status, parsed)
