"""The API's generic client, which asks the environment only once.

As it comes, it lets aiohttp look for a proxy and for a password in `~/.netrc` at each request, each time in a
thread: half of what a request costs.
"""

import urllib.request
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from kubernetes.aio import client  # type: ignore[import-untyped]

READ_BUFFER = 2**21
"""An event of a watch may hold an object of 1.5 MB."""


def api_client(configuration: Any) -> Any:
    """Return an `ApiClient` for a `kubernetes.aio` configuration, whose proxy is filled in where none is set.

    It opens as many connections as are asked for: each watch holds one, and all else is limited by the number
    of workers.
    """
    configuration.proxy = configuration.proxy or _proxy_of(configuration.host)
    configuration.connection_pool_maxsize = 0
    api = client.ApiClient(configuration)
    rest = api.rest_client
    connector = rest.pool_manager.connector
    # The connector with its TLS goes from one session to the other.
    rest.pool_manager.detach()
    jar = aiohttp.DummyCookieJar()
    rest.pool_manager = aiohttp.ClientSession(connector=connector, cookie_jar=jar, read_bufsize=READ_BUFFER)
    return api


def _proxy_of(server: str) -> str | None:
    """Return the proxy that the environment names for `server`, as HTTPS_PROXY and NO_PROXY have it."""
    parts = urlsplit(server)
    proxy = urllib.request.getproxies().get(parts.scheme)
    return None if proxy is None or urllib.request.proxy_bypass(parts.hostname or "") else proxy
