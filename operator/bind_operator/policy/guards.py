"""A change that breaks data waits until its user has accepted exactly that change."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bind_operator.api.identity import GROUP, SHORT_NAME
from bind_operator.api.spec import BindVectorizerSpec
from bind_operator.policy.facts import Failure, Key
from bind_operator.policy.vector_space import Space, wanted_space
from bind_operator.reasons import Reason

ACCEPT_ANNOTATION = f"{GROUP}/accept"
TOKEN_LENGTH = 10
_VERSION = re.compile(r"(\d+)\.(\d+)")


@dataclass(frozen=True)
class Running:
    """It is what the data was last served with. A part that is not known is None, and guards nothing."""

    version: str | None = None
    replicas: int | None = None
    space: Space | None = None
    weaviate_since: str = ""
    space_since: str = ""
    """The times set one change apart from the same change later on."""


@dataclass(frozen=True)
class Change:
    """It is one change that the operator does not make by itself."""

    reason: Reason
    breaks: str
    """This is what would break, with the old and the new value."""
    remedy: str
    """This is what the user can do."""
    token: str = ""
    """By this the user accepts it; empty for a change that cannot be made at all."""


def breaking_changes(
    running: Running, spec: BindVectorizerSpec, *, may_hold_vectors: bool
) -> tuple[Change, ...]:
    """Return the changes from what runs to `spec` that break data.

    may_hold_vectors: False only where it is known that no collection holds vectors of the module.
    """
    if spec.weaviate.external is not None:
        found = [_weaviate_goes(running, spec.weaviate.external.url)]
    else:
        found = [_version(running, spec.weaviate.version), _replicas(running, spec.weaviate.replicas)]
    if may_hold_vectors:
        found.append(_space(running, wanted_space(spec.inference)))
    return tuple(change for change in found if change is not None)


def changed_space(remembered: str, found: str, since: str) -> Change:
    """Return the change of a server that answers with another fingerprint than the remembered one."""
    return Change(
        Reason.VECTOR_SPACE_CHANGED,
        f"the inference server answers with vectors of {found}, but the collections were filled under "
        f"{remembered}: what was stored and what is searched for no longer compare",
        "give the server back its image and weights; or import the collections anew",
        _token("space-found", remembered, found, since),
    )


def accepted(metadata: Mapping[str, Any], changes: Sequence[Change]) -> tuple[Change, ...]:
    """Return those of `changes` that the resource's annotation accepts."""
    text = metadata.get("annotations", {}).get(ACCEPT_ANNOTATION, "")
    tokens = set(re.split(r"[,\s]+", text)) - {""}
    return tuple(change for change in changes if change.token in tokens)


def failure_of(key: Key, changes: Sequence[Change]) -> Failure:
    """Return what Ready says while `changes`, at least one, stand open."""
    # What cannot be made at all comes first: there is no use in accepting the rest.
    refused = [change for change in changes if not change.token]
    chosen = refused or list(changes)
    return Failure(chosen[0].reason, describe(key, chosen), is_final=True)


def describe(key: Key, changes: Sequence[Change]) -> str:
    """Return the command that accepts all of `changes`, and what would break and what to do of each."""
    lines = [f"{change.breaks}. What to do: {change.remedy}." for change in changes]
    tokens = ",".join(change.token for change in changes if change.token)
    if tokens:
        # First, because events and tables cut what is long.
        lines.insert(
            0,
            f"This breaks data. The command kubectl annotate {SHORT_NAME} {key.name} -n {key.namespace} "
            f"--overwrite {ACCEPT_ANNOTATION}={tokens} accepts it",
        )
    return "\n".join(lines)


def _version(running: Running, wanted: str) -> Change | None:
    old, new = (_VERSION.match(text or "") for text in (running.version, wanted))
    if old is None or new is None:
        return None
    (old_major, old_minor), (new_major, new_minor) = (tuple(map(int, one.groups())) for one in (old, new))
    if old_major == new_major and 0 <= new_minor - old_minor <= 1:
        return None
    step = "back" if (new_major, new_minor) < (old_major, old_minor) else "over more than one minor version"
    if new_major > old_major:
        step = "to another major version"
    return _consent(
        f"Weaviate would go {step}, from {running.version} to {wanted}: it may not read what the other "
        "version wrote, or read it wrongly",
        "back the volumes up, and go one minor version at a time, upwards; or set spec.weaviate.version back "
        f"to {running.version}",
        ("version", running.version, wanted, running.weaviate_since),
    )


def _replicas(running: Running, wanted: int) -> Change | None:
    if running.replicas is None or wanted >= running.replicas:
        return None
    return _consent(
        f"Weaviate would go from {running.replicas} to {wanted} replicas: the pods that go stay members of "
        "the RAFT cluster, which answers nothing without the votes of most of its members, and their shards "
        "stay behind on their volumes",
        f"set spec.weaviate.replicas back to {running.replicas}; or move the data first: make a resource of "
        "another name with fewer replicas, and import there",
        ("replicas", running.replicas, wanted, running.weaviate_since),
    )


def _weaviate_goes(running: Running, url: str) -> Change | None:
    if running.version is None:
        return None
    pods = "its pod" if running.replicas in (None, 1) else f"its {running.replicas} pods"
    return _consent(
        f"Weaviate {running.version}, which this resource runs, would be deleted with {pods} and its "
        f"Services, because spec.weaviate.external names {url} in its place: clients would find it no more. "
        "Its volumes stay, and what is in them is not copied",
        "remove spec.weaviate.external to keep it, and make a resource of another name for the other "
        "Weaviate; or move the data there first, turn the clients to it, and accept",
        ("external", running.version, running.replicas, running.weaviate_since),
    )


def _space(running: Running, wanted: Space) -> Change | None:
    if running.space is None or running.space == wanted:
        return None
    return _consent(
        f"the vectors would be those of {wanted}, but the collections hold vectors of {running.space}: "
        "searches would compare what cannot be compared, or be refused",
        "set spec.inference back to what it was; or accept it and import the collections anew",
        ("space", running.space, wanted, running.space_since),
    )


def _consent(breaks: str, remedy: str, exactly: tuple[object, ...]) -> Change:
    return Change(Reason.CHANGE_NEEDS_CONSENT, breaks, remedy, _token(*exactly))


def _token(*parts: object) -> str:
    text = "\0".join(map(str, parts))
    return hashlib.sha256(text.encode()).hexdigest()[:TOKEN_LENGTH]
