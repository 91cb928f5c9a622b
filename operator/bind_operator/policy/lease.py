"""A Lease says who leads. Whether it has run out is judged by when its change was seen here.

Two clocks may differ by minutes; how fast they run does not. So a Lease counts as living for its own duration
after the last change of it that was observed, as client-go has it. The time is an argument.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

API_VERSION = "coordination.k8s.io/v1"


@dataclass(frozen=True)
class LeaseRecord:
    """It is what a Lease says."""

    holder: str
    """Empty where the last holder gave it back."""
    duration_s: float
    renewed: str
    """The holder's own time of the last renewal; only compared with itself."""
    acquired: str
    transitions: int
    version: str
    """The resourceVersion, for compare-and-swap."""


@dataclass(frozen=True)
class Observation:
    """It is a record, and since when it stands so, in seconds of the local clock."""

    record: LeaseRecord | None
    since: float


class Step(StrEnum):
    """A candidate does this next."""

    CREATE = "Create"
    RENEW = "Renew"
    TAKE = "Take"
    STAND_BY = "StandBy"


def read_lease(lease: Mapping[str, Any] | None) -> LeaseRecord | None:
    """Return what a Lease says; None if there is none."""
    if lease is None:
        return None
    spec = lease.get("spec") or {}
    return LeaseRecord(
        holder=spec.get("holderIdentity") or "",
        duration_s=float(spec.get("leaseDurationSeconds") or 0),
        renewed=spec.get("renewTime") or "",
        acquired=spec.get("acquireTime") or "",
        transitions=spec.get("leaseTransitions") or 0,
        version=lease["metadata"]["resourceVersion"],
    )


def observe(before: Observation | None, record: LeaseRecord | None, now: float) -> Observation:
    """Return the observation at `now`: it keeps its time while holder and renewal are the same."""
    old = before.record if before else None
    same = old and record and (old.holder, old.renewed) == (record.holder, record.renewed)
    return Observation(record, before.since if before and same else now)


def decide_step(observation: Observation, identity: str, now: float) -> Step:
    """Return what the candidate `identity` does at `now`."""
    record = observation.record
    if record is None:
        return Step.CREATE
    if record.holder == identity:
        return Step.RENEW
    if not record.holder or now >= observation.since + record.duration_s:
        return Step.TAKE
    return Step.STAND_BY


def build_lease(
    namespace: str, name: str, identity: str, duration_s: int, before: LeaseRecord | None, now: str
) -> dict[str, Any]:
    """Return the Lease held by `identity`, or given back where it is empty.

    now: the time as an RFC 3339 text with microseconds, for people to read.
    """
    same = before is not None and before.holder == identity
    changes = before is not None and bool(identity) and not same
    metadata = {"name": name, "namespace": namespace}
    spec = {
        "holderIdentity": identity,
        # A Lease that was given back is worth a second, as in client-go: nobody waits for it.
        "leaseDurationSeconds": duration_s if identity else 1,
        "acquireTime": before.acquired if before and same and before.acquired else now,
        "renewTime": now,
        "leaseTransitions": (before.transitions if before else 0) + changes,
    }
    if before is not None:
        metadata["resourceVersion"] = before.version
    return {"apiVersion": API_VERSION, "kind": "Lease", "metadata": metadata, "spec": spec}
