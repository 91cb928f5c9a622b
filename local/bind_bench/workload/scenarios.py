"""The scenarios: what is asked of each server, by how many clients, and for how long."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

MIXED: Final = "mixed"
BESIDE: Final = {"texts beside videos": ("video", 1), "texts beside pictures": ("image", 8)}
"""Texts are asked for while so many other clients keep the model busy with that."""
IMPORT: Final = "pictures through Weaviate"
"""Objects of one picture each are inserted in Weaviate, which asks the server by the gate."""
STILLS_AND_SOUND: Final = ("text", "image", "audio", "thermal", "depth", "imu")
MANY: Final = 8
"""As many clients have as many requests in flight as Weaviate on a small machine."""

MIX: Final = {"text": 12, "image": 6, "audio": 4, "thermal": 3, "depth": 3, "imu": 2}
"""A mix has these requests of each modality, and no videos, because one would be most of it."""


@dataclass(frozen=True)
class Scenario:
    """In a scenario `clients` ask at once, each again as soon as it is answered.

    kind: a modality, MIXED, IMPORT or one of BESIDE. They go on for `seconds`, or until `requests` were sent;
    whatever is in flight then is waited for. `rounds` is how many rounds of a run have it.
    """

    kind: str
    clients: int
    rounds: int
    seconds: float = 0
    requests: int = 0

    @property
    def name(self) -> str:
        """The name by which `--only` and the page call it."""
        return f"{self.kind} x{self.clients}"


def full(rounds: int, seconds: float) -> list[Scenario]:
    """Return every scenario at 1 and at 8 clients; a video takes half a minute, so they are counted."""
    return [
        *(Scenario(kind, n, rounds, seconds=seconds) for kind in STILLS_AND_SOUND for n in (1, MANY)),
        Scenario(IMPORT, MANY, rounds, seconds=seconds),
        *(Scenario(MIXED, n, rounds, requests=sum(MIX.values())) for n in (1, MANY)),
        Scenario("video", 1, rounds, requests=1),
        Scenario("video", MANY, 1, requests=MANY),
        *_beside(rounds, seconds),
    ]


def quick(rounds: int, seconds: float) -> list[Scenario]:
    """Return the scenarios of a short run: 8 clients, one round of each slow one, 2 clients with videos."""
    return [
        Scenario("text", 1, rounds, seconds=seconds),
        Scenario("image", 1, 1, seconds=seconds),
        *(Scenario(kind, MANY, rounds, seconds=seconds) for kind in STILLS_AND_SOUND),
        Scenario(IMPORT, MANY, rounds, seconds=seconds),
        Scenario(MIXED, MANY, 1, requests=sum(MIX.values())),
        Scenario("video", 2, 1, requests=2),
        *_beside(rounds, seconds),
    ]


def _beside(rounds: int, seconds: float) -> list[Scenario]:
    """Return two clients' texts, alone and beside others."""
    return [Scenario(kind, 2, rounds, seconds=seconds) for kind in ("text", *BESIDE)]


def only(scenarios: Sequence[Scenario], words: Sequence[str]) -> list[Scenario]:
    """Return those whose kind or name is among `words`; all of them without words."""
    return [s for s in scenarios if not words or s.kind in words or s.name in words]


def of_round(scenarios: Sequence[Scenario], number: int) -> list[Scenario]:
    """Return the scenarios of round `number`, counted from 0."""
    return [s for s in scenarios if number < s.rounds]


def find(scenarios: Sequence[Scenario], kind: str, clients: int) -> Scenario | None:
    """Return the scenario of a kind with so many clients."""
    return next((s for s in scenarios if (s.kind, s.clients) == (kind, clients)), None)


def most_clients(scenarios: Sequence[Scenario], kind: str) -> Scenario | None:
    """Return the scenario of a kind that is held against its target: the one with most clients."""
    found = [s for s in scenarios if s.kind == kind]
    return max(found, key=lambda s: s.clients) if found else None
