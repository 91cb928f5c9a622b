"""Names of Services outside a cluster."""

from typing import Any

import pytest

from bind_operator.cluster.resolver import ApiResolver
from bind_operator.errors import ApiUnavailable

SERVICES = {
    "shop-weaviate": {"clusterIP": "10.0.0.1", "selector": {"a": "b"}},
    "six": {"clusterIP": "fd00::1"},
    "shop-weaviate-headless": {"clusterIP": "None", "selector": {"a": "b", "c": "d"}},
    "bare": {"clusterIP": "None"},
    "elsewhere": {},
}


class Client:
    async def read(self, path: str) -> dict[str, Any] | None:
        if path.endswith("/down"):
            raise ApiUnavailable("away")
        name = path.removeprefix("/api/v1/namespaces/space/services/")
        return {"spec": SERVICES[name]} if name in SERVICES else None

    async def items(self, path: str, *, labels: str) -> list[dict[str, Any]]:
        assert (path, labels) == ("/api/v1/namespaces/space/pods", "a=b,c=d")
        return [{"status": {"podIP": "10.1.0.1"}}, {"status": {}}, {"status": {"podIP": "10.1.0.2"}}]


async def addresses(host: str) -> list[str]:
    resolver = ApiResolver(Client())  # type: ignore[arg-type]
    return [found["host"] for found in await resolver.resolve(host, 80)]


async def test_a_service_has_its_address_and_a_headless_one_its_pods() -> None:
    assert await addresses("shop-weaviate.space.svc") == ["10.0.0.1"]
    assert await addresses("six.space.svc") == ["fd00::1"]
    assert await addresses("shop-weaviate-headless.space.svc") == ["10.1.0.1", "10.1.0.2"]


@pytest.mark.parametrize(
    "host",
    [
        "gone.space.svc",
        "bare.space.svc",
        "elsewhere.space.svc",
        "example.org",
        "shop-weaviate.space",
        "down.space.svc",
    ],
)
async def test_any_other_name_is_not_known(host: str) -> None:
    with pytest.raises(OSError, match=r"no address|away"):
        await addresses(host)
