"""The operator's own keys follow from one Secret, which it makes once and reads."""

import base64
from typing import Any

import pytest

from bind_operator.cluster.operator_keys import OperatorKeys
from bind_operator.errors import ApiConflict, ApiRefused
from bind_operator.policy.facts import Key

KEY, OTHER = Key("demo", "t"), Key("demo", "u")
PATH = "/api/v1/namespaces/bind-system/secrets"


class FakeApi:
    """It keeps Secrets; `late` is made by another operator between a read and a write."""

    def __init__(self, late: dict[str, Any] | None = None, *, forbids: bool = False) -> None:
        self.objects: dict[str, Any] = {}
        self.late, self.forbids = late, forbids
        self.reads = 0

    async def read(self, path: str) -> Any:
        self.reads += 1
        if self.forbids:
            raise ApiRefused("secrets is forbidden")
        return self.objects.get(path)

    async def create(self, path: str, body: Any) -> Any:
        assert path == PATH
        place = f"{path}/{body['metadata']['name']}"
        if self.late is not None:
            self.objects[place] = self.late
            raise ApiConflict("exists")
        self.objects[place] = body
        return body


def keys(api: FakeApi, namespace: str = "bind-system", name: str = "op-keys") -> OperatorKeys:
    return OperatorKeys(api, namespace, name)  # type: ignore[arg-type]


async def test_another_run_of_the_operator_has_the_same_key_and_another_resource_another() -> None:
    api = FakeApi()
    first = await keys(api).key_for(KEY)
    assert first == await keys(api).key_for(KEY)
    assert first != await keys(api).key_for(OTHER)
    assert first is not None
    assert len(first) >= 43


async def test_the_seed_is_read_once() -> None:
    api = FakeApi()
    one = keys(api)
    await one.key_for(KEY)
    reads = api.reads
    await one.key_for(OTHER)
    assert api.reads == reads


async def test_one_that_another_operator_made_meanwhile_counts() -> None:
    seed = base64.b64encode(b"x" * 32).decode()
    api = FakeApi(late={"data": {"seed": seed}})
    assert await keys(api).key_for(KEY) == await keys(api).key_for(KEY)


@pytest.mark.parametrize(("namespace", "name"), [("", "op-keys"), ("bind-system", "")])
async def test_without_a_secret_there_are_none(namespace: str, name: str) -> None:
    api = FakeApi()
    assert await keys(api, namespace, name).key_for(KEY) is None
    assert api.reads == 0


async def test_what_may_not_be_read_is_told_once_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    api = FakeApi(forbids=True)
    one = keys(api)
    assert [await one.key_for(KEY), await one.key_for(KEY)] == [None, None]
    assert len(caplog.records) == 1
    api.forbids = False
    assert await one.key_for(KEY)


async def test_a_spoilt_one_is_none() -> None:
    api = FakeApi()
    api.objects[f"{PATH}/op-keys"] = {"data": {"seed": "?"}}
    assert await keys(api).key_for(KEY) is None
