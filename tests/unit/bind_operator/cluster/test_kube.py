"""What is read of a resource, and what reading it may move."""

from typing import Any

import pytest

from bind_operator.cluster.clock import ServerClock
from bind_operator.cluster.kube import Kube
from bind_operator.policy.facts import Key
from bind_operator.release.storage import HelmDriver


class FakeClient:
    """It has nothing, and keeps which lists it was asked for."""

    def __init__(self) -> None:
        self.clock = ServerClock()
        self.listed: list[str] = []

    async def read(self, path: str) -> None:
        return None

    async def items(self, path: str, **_: Any) -> list[Any]:
        self.listed.append(path.rpartition("/")[2])
        return []


@pytest.mark.parametrize("migrates", [True, False])
async def test_records_of_a_release_that_somebody_else_installs_are_not_moved(migrates: bool) -> None:
    client = FakeClient()
    await Kube(client, HelmDriver.MIGRATE).observe(Key("space", "shop"), migrates=migrates)  # type: ignore[arg-type]
    assert ("secrets" in client.listed) is migrates
