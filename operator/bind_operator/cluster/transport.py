"""The transport is one pool of connections to the API server, with the credentials of a configuration.

The generic client's own asks the environment for a proxy and `~/.netrc` for a password at each request, each
time in a thread of its own: half of what a request costs. Here it is asked once.
"""

import json
import ssl
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

import aiohttp
from yarl import URL

READ_BUFFER = 2**21
"""An event of a watch may hold an object of 1.5 MB."""


class Transport:
    """It sends requests, each with the token as it is then."""

    def __init__(self, configuration: Any) -> None:
        """Take a `kubernetes.aio` configuration; it may renew its token."""
        self.configuration = configuration
        self.proxy: str | None = configuration.proxy or _proxy_of(configuration.host)
        connector = aiohttp.TCPConnector(
            # No limit: each watch holds a connection, and all else is limited by the number of workers.
            limit=0,
            ssl=_ssl_context(configuration),
        )
        self._session = aiohttp.ClientSession(
            connector=connector, cookie_jar=aiohttp.DummyCookieJar(), read_bufsize=READ_BUFFER
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

    async def authorization(self) -> str:
        """Return the header as it is now, such as `Bearer …`; empty if there is none."""
        token: str | None = await self.configuration.get_api_key_with_prefix(
            "BearerToken", alias="authorization"
        )
        return token or ""

    async def headers(self, accept: str, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return what to send with a request; a token that has run out is renewed for it."""
        authorization = await self.authorization()
        token = {"Authorization": authorization} if authorization else {}
        return {"Accept": accept, "Content-Type": "application/json", **(more or {}), **token}

    async def send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        limits: aiohttp.ClientTimeout,
        body: object = None,
    ) -> aiohttp.ClientResponse:
        """Return the answer, of any status, as it begins. Raises what aiohttp raises."""
        url = f"{self.configuration.host}{path}" + (f"?{urlencode(query)}" if query else "")
        return await self._session.request(
            method,
            URL(url, encoded=True),
            headers=headers,
            data=None if body is None else json.dumps(body),
            timeout=limits,
            proxy=self.proxy,
            server_hostname=self.configuration.tls_server_name,
        )


def _ssl_context(configuration: Any) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=configuration.ssl_ca_cert)
    if configuration.cert_file:
        context.load_cert_chain(configuration.cert_file, keyfile=configuration.key_file)
    if not configuration.verify_ssl:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if configuration.disable_strict_ssl_verification:
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def _proxy_of(server: str) -> str | None:
    """Return the proxy that the environment names for `server`, as HTTPS_PROXY and NO_PROXY have it."""
    parts = urlsplit(server)
    proxy = urllib.request.getproxies().get(parts.scheme)
    return None if proxy is None or urllib.request.proxy_bypass(parts.hostname or "") else proxy
