"""Waves say which releases are upgraded when the operator itself brings something new: a chart or its images.

A change of a resource's own spec never waits here. The time is an argument, in seconds of the epoch, because
a release remembers when it was upgraded also where the operator does not.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from bind_operator.policy.facts import Key

SHARE = 10
"""One release in so many is upgraded at once, and at least one, where the setting leaves it open."""


TOLD_FOR = 3
"""One that is late is named for so many times the patience; later it is taken for broken on its own."""


class Standing(StrEnum):
    """It says where a release stands in the waves."""

    WAITING = "Waiting"
    """It is to be upgraded."""
    ROLLING = "Rolling"
    """It has been upgraded and is not Ready yet."""
    SETTLED = "Settled"
    """It is Ready with what the operator brings, or it is not the operator's to upgrade."""


@dataclass(frozen=True)
class Member:
    """It is one release in the waves."""

    standing: Standing
    is_canary: bool = False
    upgraded_at: float = 0.0


@dataclass(frozen=True)
class Turn:
    """It says whether a release's turn has come."""

    has_come: bool
    message: str = ""
    """What it waits for; or, where the turn has come, whom it no longer waits for."""
    wait_s: float = 0.0
    """By then at the latest somebody has to look again."""


def most_of(most_at_once: int, members: int) -> int:
    """Return how many may roll at once of so many members."""
    return most_at_once or max(1, members // SHARE)


def turn_of(
    key: Key, members: Mapping[Key, Member], *, most_at_once: int, patience_s: float, now: float
) -> Turn:
    """Return whether `key`, which is to be upgraded, may be upgraded now.

    members: all releases, `key` too. most_at_once: 0 for a tenth of them. patience_s: one that is not Ready
    so long after its upgrade holds nobody up any more.
    """
    rolling = {other: one for other, one in members.items() if one.standing is Standing.ROLLING}
    patient = {other: one for other, one in rolling.items() if now - one.upgraded_at < patience_s}
    wait_s = min((one.upgraded_at + patience_s - now for one in patient.values()), default=patience_s)
    if not members[key].is_canary:
        open_canaries = [
            other
            for other, one in sorted(members.items())
            if one.is_canary and (one.standing is Standing.WAITING or other in patient)
        ]
        if open_canaries:
            return Turn(False, f"waits for {open_canaries[0]}, which is a canary, to be Ready first", wait_s)
    limit = most_of(most_at_once, len(members))
    if len(patient) >= limit:
        names = ", ".join(str(other) for other in sorted(patient)[:3])
        return Turn(False, f"waits for {names} to be Ready; {limit} at once are upgraded", wait_s)
    late = [
        str(other)
        for other, one in sorted(rolling.items())
        if patience_s <= now - one.upgraded_at < TOLD_FOR * patience_s
    ]
    if late:
        text = f"{', '.join(late[:3])} not Ready {patience_s:g} s after the upgrade; the upgrades go on"
        return Turn(True, text)
    return Turn(True)
