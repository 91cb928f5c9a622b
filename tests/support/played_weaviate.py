"""A Weaviate that is played, and the look at a resource that has it, for what runs beside the work queue."""

import asyncio
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from bind_operator.api import parse_resource
from bind_operator.cluster.weaviate_api import Weaviate
from bind_operator.policy.answers import Answer
from bind_operator.policy.authentication import access_of
from bind_operator.policy.facts import Key, Workload
from bind_operator.policy.state import ReleaseState

KEY = Key("demo", "t")
UP = Workload("t-weaviate", "t", wanted=1, ready=1, is_current=True)


class Played:
    """It plays Weaviate, whose answers are by method and path; a list is given away one after the other."""

    def __init__(self, **answers: Answer | list[Answer]) -> None:
        self.answers = answers
        self.asked: list[str] = []
        self.bodies: list[Any] = []
        self.counts = {"Things": 3}
        self.classes: dict[str, Any] = {}

    async def ask(self, method: str, path: str, body: object = None) -> Answer:
        await asyncio.sleep(0)
        self.asked.append(f"{method} {path}")
        self.bodies.append(body)
        found = self.answers[method]
        return found.pop(0) if isinstance(found, list) else found

    async def count(self) -> dict[str, int]:
        return self.counts

    async def collections(self) -> dict[str, Any]:
        return self.classes


def as_weaviate(played: Played) -> Weaviate:
    return played  # type: ignore[return-value]


class Api:
    """It opens a played Weaviate."""

    def __init__(self, played: Played) -> None:
        self.played = played
        self.shown: list[str | None] = []

    def open(self, url: str, api_key: str | None = None) -> Any:
        played = self.played
        self.shown.append(api_key)

        class Opened:
            async def __aenter__(self) -> Played:
                return played

            async def __aexit__(self, *args: object) -> None:
                return None

        return Opened()


class OwnKeys:
    """The operator's own key."""

    async def key_for(self, key: Key) -> str:
        return "own"


@dataclass
class FakeLook:
    """It has what `Backups` reads of a look."""

    raw: dict[str, Any]
    state: ReleaseState = ReleaseState.IN_SYNC
    deleting: bool = False
    suspended: bool = False
    weaviate: Workload | None = UP
    key: Key = KEY
    retention_pods: tuple[Any, ...] = ()

    @property
    def resource(self) -> Any:
        return parse_resource({k: v for k, v in self.raw.items() if k != "status"})

    @property
    def access(self) -> Any:
        return access_of(self.key.name, self.resource.spec.weaviate, was_open=False)

    @property
    def observed(self) -> Any:
        return SimpleNamespace(weaviate=self.weaviate, retention_pods=self.retention_pods)
