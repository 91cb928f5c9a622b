"""Fetches media from the addresses that are allowed: nothing private, never more or longer than it may be.

A name is resolved once, each of its addresses judged, and the connection made to one of those: a name that
leads elsewhere a moment later gains nothing. Redirects are judged anew, each. Proxies, passwords and
certificates that the environment names are not heeded. The library is httpx, which tests and downloads have
anyway; what it is told is the address itself, with the name for the certificate and the Host apart.
"""

from __future__ import annotations

import asyncio
import socket
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from bind_inference.errors import AddressRefused, FetchFailed, MediaTooLarge
from bind_inference.items.addresses import Address, AllowList, is_public

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Awaitable, Callable

    import httpx

    from bind_inference.settings import Settings

    Resolve = Callable[[str, int], Awaitable[list[str]]]

_MOST_REDIRECTS: Final = 3
_REDIRECTS: Final = {
    HTTPStatus.MOVED_PERMANENTLY,
    HTTPStatus.FOUND,
    HTTPStatus.SEE_OTHER,
    HTTPStatus.TEMPORARY_REDIRECT,
    HTTPStatus.PERMANENT_REDIRECT,
}
# Fetches of this process that may be under way at once; others wait.
_MOST_AT_ONCE: Final = 32
_HEADERS: Final = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "bindvectorizer"}


async def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a name. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class Fetcher:
    """It fetches what its allow-list has."""

    def __init__(
        self,
        settings: Settings,
        *,
        resolve: Resolve = resolve,
        is_public: Callable[[str], bool] = is_public,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        """`trust`: the certificates that are trusted; None: those that the library brings."""
        self._allowed = AllowList(settings.allow_urls or "")
        self._timeout_s = settings.fetch_timeout_s
        self._most_bytes = settings.max_item_bytes
        self._resolve = resolve
        self._is_public = is_public
        self._trust = trust
        self._client: httpx.AsyncClient | None = None
        self._opening = asyncio.Lock()
        self._room = asyncio.Semaphore(_MOST_AT_ONCE)

    async def fetch(self, url: str, take: Callable[[bytes], None]) -> None:
        """Fetch a medium; `take` is called with each piece of it, and what it raises ends the fetch.

        Raises AddressRefused, FetchFailed, MediaTooLarge.
        """
        address = Address.of(url)
        self._allowed.check(address)
        async with self._room:
            try:
                async with asyncio.timeout(self._timeout_s):
                    await self._fetch(address, take)
            except TimeoutError:
                raise FetchFailed(
                    f"{address.host} did not send it within {self._timeout_s:g} s, the limit "
                    "(--fetch-timeout-s)"
                ) from None

    async def _fetch(self, address: Address, take: Callable[[bytes], None]) -> None:
        for _ in range(_MOST_REDIRECTS + 1):
            location = await self._get(address, take)
            if location is None:
                return
            address = address.follow(location)
            self._allowed.check(address)
        raise FetchFailed(f"{address.host} redirects more than {_MOST_REDIRECTS} times")

    async def _get(self, address: Address, take: Callable[[bytes], None]) -> str | None:
        """Get what is at `address`; return where that redirects to, None if all was taken."""
        import httpx

        client = await self._open()
        for number, ip in enumerate(ips := await self._addresses(address)):
            request = client.build_request(
                "GET",
                httpx.URL(
                    scheme=address.scheme, host=ip, port=address.port, raw_path=address.target.encode()
                ),
                headers=_HEADERS | {"Host": address.authority},
                extensions={"sni_hostname": address.host},
            )
            try:
                response = await client.send(request, stream=True)
            except httpx.ConnectError as error:
                if number + 1 < len(ips):
                    continue
                raise FetchFailed(f"{address.host} cannot be reached: {_cause(error)}") from error
            except (httpx.HTTPError, OSError) as error:
                raise FetchFailed(f"{address.host} does not answer as it should: {_cause(error)}") from error
            try:
                return await self._receive(address, response, take)
            except (httpx.HTTPError, OSError) as error:
                raise FetchFailed(f"{address.host} broke off: {_cause(error)}") from error
            finally:
                await response.aclose()
        raise FetchFailed(f"{address.host} has no address")

    async def _receive(
        self, address: Address, response: httpx.Response, take: Callable[[bytes], None]
    ) -> str | None:
        headers = response.headers
        if response.status_code in _REDIRECTS and "location" in headers:
            return str(headers["location"])
        if response.status_code != HTTPStatus.OK:
            raise FetchFailed(f"{address.host} answered {response.status_code}")
        if headers.get("content-encoding", "identity") != "identity":
            raise FetchFailed(f"{address.host} sent it compressed, though it was not to")
        announced = headers.get("content-length", "")
        self._check_size(int(announced) if announced.isdigit() else 0)
        size = 0
        pieces: AsyncIterator[bytes] = response.aiter_raw()
        async for piece in pieces:
            size += len(piece)
            self._check_size(size)
            take(piece)
        return None

    async def _addresses(self, address: Address) -> list[str]:
        """Return the addresses of a name. Raises AddressRefused if one is not public, FetchFailed."""
        try:
            found = await self._resolve(address.host, address.port)
        except (OSError, UnicodeError):
            raise FetchFailed(f"{address.host} is not known to the DNS") from None
        if not all(self._is_public(ip) for ip in found):
            raise AddressRefused(f"{address.host} has a private address; such are never fetched")
        return found

    async def _open(self) -> httpx.AsyncClient:
        """Return the client, which takes 0.2 s to import and 30 ms to read certificates: not in the loop."""
        async with self._opening:
            if self._client is None:
                self._client = await asyncio.to_thread(self._make_client)
        return self._client

    def _make_client(self) -> httpx.AsyncClient:
        import httpx

        options: dict[str, Any] = {"trust_env": False}
        trust = self._trust or httpx.create_ssl_context(**options)
        return httpx.AsyncClient(
            verify=trust,
            limits=httpx.Limits(max_keepalive_connections=0),
            timeout=2 * self._timeout_s,  # of one step; that of all of them ends it before
            follow_redirects=False,
            **options,
        )

    def _check_size(self, size: int) -> None:
        if size > self._most_bytes:
            raise MediaTooLarge(f"{size:,} bytes or more are above the limit of {self._most_bytes:,}")


def _cause(error: Exception) -> str:
    return str(error)[:200] or type(error).__name__
