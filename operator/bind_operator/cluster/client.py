"""The client speaks JSON with the Kubernetes API: it logs in, asks, and turns answers into our errors."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Self

import aiohttp
from kubernetes.aio import client, config  # type: ignore[import-untyped]
from kubernetes.aio.config import ConfigException  # type: ignore[import-untyped]
from pydantic_core import from_json

from bind_operator.cluster.clock import ServerClock
from bind_operator.cluster.transport import api_client
from bind_operator.errors import ApiConflict, ApiRefused, ApiUnavailable

_LIMITS = aiohttp.ClientTimeout(total=20.0)
METADATA_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
HELM_MANAGER = "helm"
"""Helm applies what it makes under this name, and so does the operator in its place."""


@dataclass(frozen=True)
class Credentials:
    """They are what another client needs to reach the same API server as the same user."""

    server: str
    authorization: str
    """The header, such as `Bearer …`; empty if there is none."""
    ca_file: str | None
    cert_file: str | None
    key_file: str | None
    verify_tls: bool
    proxy: str | None


class KubeClient:
    """It is one connection pool to the API server. Paths begin with `/api` or `/apis`."""

    def __init__(
        self, configuration: Any, check: Callable[[str], None] | None, *, is_in_cluster: bool = False
    ) -> None:
        """Take a configuration; `is_in_cluster` tells whether names of Services resolve here."""
        self._api = api_client(configuration)
        self.clock = ServerClock()
        self._check = check
        self.is_in_cluster = is_in_cluster

    @classmethod
    async def connect(cls, kubeconfig: Path | None, check: Callable[[str], None] | None = None) -> Self:
        """Return a client with the credentials of `kubeconfig`, else of the pod, else of $KUBECONFIG.

        check: is given the namespace of each write before it is sent, and may raise an OperatorError.
        Raises ApiRefused if there are no credentials.
        """
        configuration = client.Configuration()
        is_in_cluster = False
        try:
            if kubeconfig is None:
                try:
                    config.load_incluster_config(client_configuration=configuration)
                    is_in_cluster = True
                except ConfigException:
                    await config.load_kube_config(client_configuration=configuration)
            else:
                await config.load_kube_config(str(kubeconfig), client_configuration=configuration)
        except (ConfigException, OSError) as error:
            raise ApiRefused(
                f"no credentials for a cluster ({error}); set kubeconfig or KUBECONFIG"
            ) from error
        return cls(configuration, check, is_in_cluster=is_in_cluster)

    async def close(self) -> None:
        """Close all connections."""
        await self._api.close()

    async def credentials(self) -> Credentials:
        """Return its credentials as they are now: a token may have been renewed."""
        headers: dict[str, str] = {}
        await self._api.update_params_for_auth(headers, [], ["BearerToken"])
        configuration = self._api.configuration
        return Credentials(
            server=configuration.host,
            authorization=headers.get("authorization", ""),
            ca_file=configuration.ssl_ca_cert or None,
            cert_file=configuration.cert_file or None,
            key_file=configuration.key_file or None,
            verify_tls=bool(configuration.verify_ssl),
            proxy=configuration.proxy or None,
        )

    async def read(self, path: str) -> dict[str, Any] | None:
        """Return the object at `path`, or None if it is not there."""
        return await self._request("GET", path)

    async def items(
        self, path: str, *, labels: str = "", fields: str = "", metadata_only: bool = False
    ) -> list[dict[str, Any]]:
        """Return the objects of the list at `path`; with `metadata_only`, without their contents."""
        query = {"labelSelector": labels, "fieldSelector": fields}
        chosen = {key: value for key, value in query.items() if value}
        accept = METADATA_ONLY if metadata_only else "application/json"
        answer = await self._request("GET", path, query=chosen, accept=accept)
        # An empty list of metadata comes as null.
        return list((answer or {}).get("items") or [])

    async def open(
        self, path: str, query: Mapping[str, str], accept: str, limits: aiohttp.ClientTimeout
    ) -> aiohttp.ClientResponse:
        """Return the answer to a GET as it begins, of any status; the caller reads and closes it.

        Raises what aiohttp raises.
        """
        return await self._send("GET", path, query, await self._headers(accept), limits)

    async def create(
        self, path: str, body: Mapping[str, Any], *, dry_run: bool = False
    ) -> dict[str, Any] | None:
        """Create `body` in the list at `path`; return it, or None if there is no such list.

        dry_run: only look whether it could be created. Raises ApiConflict if there is one of its name.
        """
        query = {"dryRun": "All"} if dry_run else None
        return await self._request("POST", path, query=query, body=body)

    async def patch(self, path: str, body: Mapping[str, Any]) -> dict[str, Any] | None:
        """Merge `body` into the object at `path`; return it, or None if it is not there."""
        return await self._request("PATCH", path, body=body, headers={"Content-Type": MERGE_PATCH})

    async def apply(
        self,
        path: str,
        body: Mapping[str, Any],
        *,
        dry_run: bool = False,
        manager: str = HELM_MANAGER,
        force: bool = True,
    ) -> dict[str, Any] | None:
        """Apply `body` at `path` on the server as Helm does; return the object as it is, or would be, then.

        What somebody else wrote in the fields that `body` sets is overwritten, or raises ApiConflict where it
        is something else and `force` is off.
        """
        query = {
            "fieldManager": manager,
            "force": str(force).lower(),
            **({"dryRun": "All"} if dry_run else {}),
        }
        return await self._request(
            "PATCH", path, query=query, body=body, headers={"Content-Type": APPLY_PATCH}
        )

    async def edit(
        self,
        path: str,
        operations: Sequence[Mapping[str, Any]],
        *,
        dry_run: bool = False,
        manager: str = HELM_MANAGER,
    ) -> dict[str, Any] | None:
        """Run the JSON patch `operations` at `path`, under Helm's name or another; return as `apply` does."""
        query = {"fieldManager": manager, **({"dryRun": "All"} if dry_run else {})}
        headers = {"Content-Type": JSON_PATCH}
        return await self._request("PATCH", path, query=query, body=operations, headers=headers)

    async def replace(self, path: str, body: Mapping[str, Any]) -> dict[str, Any] | None:
        """Replace the object at `path`; return it, or None if it is not there.

        Raises ApiConflict if it is newer than `body`.
        """
        return await self._request("PUT", path, body=body)

    async def delete(self, path: str, options: Mapping[str, Any] | None = None) -> None:
        """Delete the object at `path`, with DeleteOptions; one that is not there is fine.

        Raises ApiConflict if it is not the one that the options ask for.
        """
        await self._request("DELETE", path, body=options)

    async def _request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
        accept: str = "application/json",
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any] | None:
        """Return the answer, or None for 404. Raises ApiUnavailable, ApiConflict or ApiRefused."""
        sent = await self._headers(accept, headers)
        # Right before it is sent: to renew a token may take its time.
        if method != "GET" and self._check is not None:
            self._check(_namespace_of(path))
        try:
            response = await self._send(method, path, query or {}, sent, _LIMITS, body)
            content = await response.read()
            self.clock.note(response.headers.get("Date"))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ApiUnavailable(
                f"the API server does not answer: {error or type(error).__name__}"
            ) from error
        return _answer(f"{method} {path}", response.status, content)

    async def _headers(self, accept: str, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return what to send with a request; a token that has run out is renewed for it."""
        headers = {"Accept": accept, **(more or {})}
        await self._api.update_params_for_auth(headers, [], ["BearerToken"])
        return headers

    async def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        headers: dict[str, str],
        limits: aiohttp.ClientTimeout,
        body: object = None,
    ) -> aiohttp.ClientResponse:
        """Return the answer, of any status, as it begins. Raises what aiohttp raises."""
        response: aiohttp.ClientResponse = await self._api.request(
            method,
            f"{self._api.configuration.host}{path}",
            query_params=list(query.items()),
            headers=headers,
            body=body,
            _preload_content=False,
            _request_timeout=limits,
        )
        return response


def message_of(text: str) -> str:
    """Return what an answer of the API server says, or the beginning of one that is none of its own."""
    try:
        return str(json.loads(text)["message"])
    except (ValueError, KeyError, TypeError):
        return text[:200]


def _namespace_of(path: str) -> str:
    found = re.search(r"/namespaces/([^/]+)/", path)
    return found.group(1) if found else ""


def _answer(request: str, status: int, content: bytes) -> dict[str, Any] | None:
    if status == HTTPStatus.NOT_FOUND:
        return None
    if status < HTTPStatus.BAD_REQUEST:
        # Half the time of json's: a look reads a dozen objects.
        parsed: dict[str, Any] = from_json(content)
        return parsed
    message = message_of(content.decode("utf-8", "replace"))
    if status == HTTPStatus.CONFLICT:
        raise ApiConflict(f"{request}: {message}")
    if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise ApiUnavailable(f"{request}: the API server answers {status}: {message}")
    raise ApiRefused(f"{request}: the API server answers {status}: {message}")
