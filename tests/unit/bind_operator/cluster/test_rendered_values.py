"""The ConfigMap of values that somebody else installs."""

from typing import Any

import pytest

from bind_operator.cluster.rendered_values import RenderedConfigMaps, What
from bind_operator.errors import ForeignOwner
from bind_operator.policy.facts import Key

KEY = Key("space", "shop")
RAW = {"metadata": {"name": "shop", "namespace": "space", "uid": "u-1", "labels": {"argocd": "mine"}}}
PATH = "/api/v1/namespaces/space/configmaps/shop-values"
MANIFESTS_PATH = PATH.replace("-values", "-manifests")


class FakeClient:
    def __init__(self) -> None:
        self.found: dict[str, Any] | None = None
        self.writes: list[tuple[str, Any]] = []

    async def read(self, path: str) -> Any:
        assert path in (PATH, MANIFESTS_PATH)
        return self.found

    async def create(self, path: str, body: Any) -> None:
        assert path == PATH.rpartition("/")[0]
        self.writes.append(("create", body))
        self.found = {**body, "metadata": body["metadata"] | {"uid": "c-1"}}

    async def patch(self, path: str, body: Any) -> None:
        self.writes.append(("patch", body))

    async def delete(self, path: str, options: Any) -> None:
        self.writes.append(("delete", options))


async def apply(client: FakeClient, text: str = "a: 1\n", digest: str = "d") -> bool:
    maps = RenderedConfigMaps(client)  # type: ignore[arg-type]
    return await maps.apply(KEY, RAW, text, digest, "weaviate-bind-0.1.0")


async def test_it_goes_with_the_resource_and_has_labels_of_its_own() -> None:
    client = FakeClient()
    assert await apply(client) is True
    ((_, body),) = client.writes
    assert body["data"] == {"values.yaml": "a: 1\n"}
    (owner,) = body["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"]) == ("BindVectorizer", "u-1")
    assert "argocd" not in body["metadata"]["labels"]
    assert body["metadata"]["annotations"] == {
        "bindvectorizer.dev/chart": "weaviate-bind-0.1.0",
        "bindvectorizer.dev/digest": "d",
    }


async def test_nothing_is_written_where_nothing_is_new() -> None:
    client = FakeClient()
    await apply(client)
    assert client.found is not None
    client.found["metadata"]["labels"]["theirs"] = "kept"
    assert await apply(client) is False
    assert len(client.writes) == 1


async def test_what_was_edited_is_put_back_and_keys_of_others_go() -> None:
    client = FakeClient()
    await apply(client)
    assert client.found is not None
    client.found["data"] = {"values.yaml": "b: 2\n", "other": "x"}
    assert await apply(client) is True
    kind, body = client.writes[-1]
    assert (kind, body["data"]) == ("patch", {"values.yaml": "a: 1\n", "other": None})


async def test_one_of_somebody_else_is_left() -> None:
    client = FakeClient()
    client.found = {"metadata": {"uid": "c-2"}, "data": {}}
    with pytest.raises(ForeignOwner, match=r"ConfigMap shop-values was not made by this operator; remove it"):
        await apply(client)
    await RenderedConfigMaps(client).delete(KEY, RAW)  # type: ignore[arg-type]
    assert client.writes == []


async def test_its_own_is_deleted_by_its_uid() -> None:
    client = FakeClient()
    await apply(client)
    await RenderedConfigMaps(client).delete(KEY, RAW)  # type: ignore[arg-type]
    assert client.writes[-1] == ("delete", {"preconditions": {"uid": "c-1"}})


async def test_manifests_of_the_same_digest_that_nobody_edited_are_current() -> None:
    client = FakeClient()
    maps = RenderedConfigMaps(client)  # type: ignore[arg-type]
    assert not await maps.is_current(KEY, RAW, "d", What.MANIFESTS)
    await maps.apply(KEY, RAW, "kind: A\n", "d", "weaviate-bind-0.1.0", What.MANIFESTS)
    assert client.found is not None
    assert client.found["metadata"]["name"] == "shop-manifests"
    assert client.found["data"] == {"manifests.yaml": "kind: A\n"}
    assert await maps.is_current(KEY, RAW, "d", What.MANIFESTS)
    assert not await maps.is_current(KEY, RAW, "another", What.MANIFESTS)
    client.found["data"] = {"manifests.yaml": "kind: B\n"}
    assert not await maps.is_current(KEY, RAW, "d", What.MANIFESTS)
