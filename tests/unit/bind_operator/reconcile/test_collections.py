"""A Weaviate is asked for its vectors with the operator's key where the operator is a user of it."""

from typing import Any

import pytest

from bind_operator.api import parse_resource
from bind_operator.policy.authentication import access_of
from bind_operator.policy.facts import Key
from bind_operator.reconcile import collections
from bind_operator.reconcile.collections import Collections
from support.played_weaviate import OwnKeys
from support.resources import merged, tiny_resource

KEY = Key("demo", "t")


class FakeKube:
    """It knows where Weaviate's Service is, or that there is none."""

    def __init__(self, address: str | None) -> None:
        self.address = address

    async def service_address(self, key: Key, name: str) -> str | None:
        assert (key, name) == (KEY, "t-weaviate")
        return self.address


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Return what was asked, the address and the key; the last entry is popped as the answer before."""
    seen: list[Any] = []

    async def holds_vectors(address: str, timeout_s: float, api_key: str | None) -> bool | None:
        answer = seen.pop() if seen else False
        seen.append((address, api_key))
        return answer  # type: ignore[no-any-return]

    monkeypatch.setattr(collections, "holds_vectors", holds_vectors)
    return seen


def access(authentication: Any) -> Any:
    weaviate = {} if authentication is None else {"authentication": authentication}
    resource = parse_resource(merged(tiny_resource("t"), {"spec": {"weaviate": weaviate}}))
    return access_of("t", resource.spec.weaviate, was_open=False)


def asker(address: str | None = "127.0.0.1:1") -> Collections:
    return Collections(FakeKube(address), OwnKeys(), 3.0)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("authentication", "shown"),
    [(None, "own"), ({"anonymousAccess": True}, None), ({"apiKeys": {"secretName": "mine"}}, None)],
    ids=["closed", "open", "keys of the user's"],
)
async def test_the_operator_shows_its_key_where_it_has_one(
    asked: list[Any], authentication: Any, shown: str | None
) -> None:
    assert await asker().are_empty(KEY, access(authentication))
    assert asked == [("127.0.0.1:1", shown)]


@pytest.mark.parametrize("answer", [True, None], ids=["there are vectors", "it does not say"])
async def test_all_but_a_plain_no_may_hold_vectors(asked: list[Any], answer: bool | None) -> None:
    asked.append(answer)
    assert not await asker().are_empty(KEY, None)


async def test_one_that_cannot_be_found_may_hold_vectors(asked: list[Any]) -> None:
    assert not await asker(None).are_empty(KEY, None)
    assert asked == []
