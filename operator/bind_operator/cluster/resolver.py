"""Outside a cluster its names do not resolve; this resolver asks the API server in place of the DNS."""

import socket

from aiohttp.abc import AbstractResolver, ResolveResult

from bind_operator.cluster.client import KubeClient
from bind_operator.errors import OperatorError

HEADLESS = "None"


class ApiResolver(AbstractResolver):
    """It finds a Service's cluster IP, or the pods of a headless one, by `<service>.<namespace>.svc`."""

    def __init__(self, client: KubeClient) -> None:
        self._client = client

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_INET,  # noqa: ARG002  (both families are returned)
    ) -> list[ResolveResult]:
        """Return the addresses of a Service. Raises OSError if there are none, as the DNS does."""
        try:
            addresses = await self._addresses(host)
        except OperatorError as error:
            raise OSError(None, str(error)) from error
        if not addresses:
            raise OSError(None, f"no address of {host}")
        return [_result(host, address, port) for address in addresses]

    async def close(self) -> None:
        """Nothing to close: the client is not the resolver's."""

    async def _addresses(self, host: str) -> list[str]:
        service, _, rest = host.partition(".")
        namespace, _, domain = rest.partition(".")
        if domain != "svc":
            return []
        core = f"/api/v1/namespaces/{namespace}"
        found = await self._client.read(f"{core}/services/{service}")
        spec = (found or {}).get("spec", {})
        address = spec.get("clusterIP", "")
        if address != HEADLESS:
            return [address] if address else []
        labels = ",".join(f"{name}={value}" for name, value in spec.get("selector", {}).items())
        pods = await self._client.items(f"{core}/pods", labels=labels) if labels else []
        addresses = (pod.get("status", {}).get("podIP") for pod in pods)
        return [address for address in addresses if address]


def _result(host: str, address: str, port: int) -> ResolveResult:
    return ResolveResult(
        hostname=host,
        host=address,
        port=port,
        family=socket.AF_INET6 if ":" in address else socket.AF_INET,
        proto=0,
        flags=socket.AI_NUMERICHOST,
    )
