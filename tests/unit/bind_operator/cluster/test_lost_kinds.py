"""A kind is lost where no version of it is served; its objects are taken out of Helm's records then."""

import base64
import gzip
import json
from typing import Any

import pytest

from bind_operator.cluster.lost_kinds import LostKinds
from bind_operator.cluster.records import Records
from bind_operator.errors import ApiUnavailable
from bind_operator.policy.facts import Key
from bind_operator.release.storage import HelmDriver, read_record

KEY = Key("space", "shop")
SCALED_OBJECT = ("ScaledObject", "keda.sh/v1alpha1")
RECORDS = "/api/v1/namespaces/space/configmaps"


def record(number: int, *kinds: str) -> dict[str, Any]:
    parts = [f"---\napiVersion: keda.sh/v1alpha1\nkind: {kind}\nmetadata: {{name: x}}\n" for kind in kinds]
    text = json.dumps({"info": {}, "manifest": "".join(parts)}).encode()
    labels = {"version": str(number), "bindvectorizer.dev/digest": "abc"}
    return {
        "metadata": {"name": f"v{number}", "labels": labels},
        "data": {"release": base64.b64encode(gzip.compress(text)).decode()},
    }


class FakeClient:
    def __init__(self, *records: dict[str, Any], served: dict[str, list[str]] | None = None) -> None:
        self.records, self.served = records, served or {}
        self.replaced: dict[str, Any] = {}

    async def read(self, path: str) -> Any:
        if path == "/apis/keda.sh":
            return {"versions": [{"groupVersion": one} for one in self.served]} if self.served else None
        kinds = self.served.get(path.removeprefix("/apis/"))
        return {"resources": [{"kind": kind} for kind in kinds]} if kinds is not None else None

    async def items(self, path: str, *, labels: str) -> list[dict[str, Any]]:
        assert (path, labels) == (RECORDS, "owner=helm,name=shop")
        return list(self.records)

    async def replace(self, path: str, body: Any) -> None:
        self.replaced[path] = body


async def forget(client: FakeClient) -> tuple[tuple[str, str], ...]:
    records = Records(client, HelmDriver.CONFIG_MAP)  # type: ignore[arg-type]
    return await LostKinds(client, records).forget(KEY, [SCALED_OBJECT])  # type: ignore[arg-type]


@pytest.mark.parametrize("served", [{}, {"keda.sh/v1alpha1": ["ScaledJob"]}])
async def test_a_lost_kind_goes_from_every_record_that_has_it(served: dict[str, list[str]]) -> None:
    client = FakeClient(record(1, "ScaledObject", "ScaledJob"), record(2, "ScaledJob"), served=served)
    assert await forget(client) == (SCALED_OBJECT,)
    ((path, body),) = client.replaced.items()
    assert path == f"{RECORDS}/v1"
    assert [one["kind"] for one in read_record(body, HelmDriver.CONFIG_MAP).objects] == ["ScaledJob"]
    assert body["metadata"]["labels"]["bindvectorizer.dev/digest"] == ""


async def test_a_kind_of_another_version_is_there_and_so_are_its_objects() -> None:
    client = FakeClient(record(1, "ScaledObject"), served={"keda.sh/v1": ["ScaledObject"]})
    assert await forget(client) == ()
    assert client.replaced == {}


async def test_where_no_record_has_it_nothing_is_gained() -> None:
    client = FakeClient(record(1, "ScaledJob"))
    assert await forget(client) == ()


async def test_an_api_server_that_does_not_answer_has_lost_nothing() -> None:
    class Silent(FakeClient):
        async def read(self, path: str) -> Any:
            raise ApiUnavailable("503")

    client = Silent(record(1, "ScaledObject"))
    with pytest.raises(ApiUnavailable):
        await forget(client)
    assert client.replaced == {}
