"""A candidate and its Lease, on an API server that knows versions."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from bind_operator.cluster.fence import ALL
from bind_operator.cluster.lease import Candidate
from bind_operator.errors import ApiConflict, ApiUnavailable


@dataclass
class FakeClient:
    """Holds one Lease; a write over another version than the newest is a conflict."""

    lease: dict[str, Any] | None = None
    calls: list[str] = field(default_factory=list)
    version: int = 0
    loses_answers: bool = False

    async def read(self, path: str) -> dict[str, Any] | None:
        assert path.endswith("/leases/bind-operator")
        self.calls.append("read")
        return self.lease

    async def create(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        assert path.endswith("/leases")
        self.calls.append("create")
        if self.lease is not None:
            raise ApiConflict("already exists")
        return self.write(body)

    async def replace(self, path: str, body: dict[str, Any]) -> dict[str, Any] | None:
        assert path.endswith("/leases/bind-operator")
        self.calls.append("replace")
        if self.lease is None:
            return None
        if body["metadata"]["resourceVersion"] != self.lease["metadata"]["resourceVersion"]:
            raise ApiConflict("the object has been modified")
        return self.write(body)

    def write(self, body: dict[str, Any]) -> dict[str, Any]:
        self.version += 1
        self.lease = {**body, "metadata": {**body["metadata"], "resourceVersion": str(self.version)}}
        if self.loses_answers:
            raise ApiUnavailable("the API server does not answer")
        return self.lease

    def spec(self) -> dict[str, Any]:
        assert self.lease is not None
        found: dict[str, Any] = self.lease["spec"]
        return found

    def edit(self, **spec: object) -> None:
        """Write as somebody else does."""
        assert self.lease is not None
        self.write({**self.lease, "spec": {**self.spec(), **spec}})

    def taken(self) -> list[str]:
        """Return the calls since the last time."""
        calls, self.calls = self.calls, []
        return calls


class FakeWatchdog:
    """Is told how long runs may live."""

    def extend(self, scope: str, until: float) -> None:
        """Do nothing."""


Make = Callable[..., Candidate]


@pytest.fixture
def client() -> FakeClient:
    return FakeClient()


@pytest.fixture
def make(client: FakeClient) -> Make:
    def make(identity: str = "first") -> Candidate:
        place = ("kube-system", "bind-operator")
        return Candidate(client, *place, identity, 10, ALL, FakeWatchdog(), lambda _: None)  # type: ignore[arg-type]

    return make


async def test_a_renewal_is_one_request(client: FakeClient, make: Make) -> None:
    candidate = make()
    await candidate._round()
    assert client.taken() == ["read", "create"]
    before = client.spec()
    for _ in range(3):
        await candidate._round()
    assert client.taken() == ["replace"] * 3
    assert candidate.holds()
    after = client.spec()
    assert after["renewTime"] > before["renewTime"]
    assert {**after, "renewTime": ""} == {**before, "renewTime": ""}


async def test_one_that_somebody_took_is_lost_in_the_same_round(client: FakeClient, make: Make) -> None:
    candidate = make()
    await candidate._round()
    client.edit(holderIdentity="second", leaseTransitions=1)
    client.taken()
    await candidate._round()
    assert client.taken() == ["replace", "read"]
    assert not candidate.holds()
    assert client.spec()["holderIdentity"] == "second"
    await candidate._round()
    assert client.taken() == ["read"]


async def test_one_that_somebody_edited_is_renewed_in_the_same_round(client: FakeClient, make: Make) -> None:
    candidate = make()
    await candidate._round()
    client.edit(leaseTransitions=7)
    client.taken()
    await candidate._round()
    assert client.taken() == ["replace", "read", "replace"]
    assert (client.spec()["leaseTransitions"], candidate.holds()) == (7, True)
    await candidate._round()
    assert client.taken() == ["replace"]


async def test_one_whose_answer_was_lost_is_read_again(client: FakeClient, make: Make) -> None:
    candidate = make()
    await candidate._round()
    client.loses_answers = True
    await candidate._round()
    client.loses_answers = False
    client.taken()
    await candidate._round()
    assert client.taken() == ["read", "replace"]
    assert candidate.holds()


async def test_one_that_was_deleted_is_made_again(client: FakeClient, make: Make) -> None:
    candidate = make()
    await candidate._round()
    client.lease = None
    client.taken()
    await candidate._round()
    assert client.taken() == ["replace", "read", "create"]
    assert candidate.holds()


async def test_one_that_stands_by_only_reads(client: FakeClient, make: Make) -> None:
    await make()._round()
    second = make("second")
    client.taken()
    await second._round()
    await second._round()
    assert client.taken() == ["read", "read"]
    assert not second.holds()
