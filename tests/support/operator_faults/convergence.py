"""It says what is wrong in a namespace once a fault has passed: objects in, complaints out.

An object is one of `kubectl get -o json`. An empty list of complaints says that all is as it was asked for.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Object = Mapping[str, Any]

MARK = "FAULTS_MARK"
"""The stories change this variable of the inference pods."""
MAX_HISTORY = 5
UNKNOWN_FOR_A_WHILE = ("Verifying", "InSync")
"""These may be told of anybody: outside the cluster, the live check asks the API server for addresses."""
FINISHED = ("deployed", "superseded", "failed")
MADE = ("Installed", "Upgraded", "RolledBack")
"""These events tell of a revision, whose number is in the message."""
LAST = ("VolumesKept", "KeysKept")
"""These are told last of a resource that is gone: what is left of it."""
ASIDE = (
    *("Unlocked", "Uninstalled", "VolumesKept", "VolumesDeleted", "VolumesLeft", "UninstallGaveUp"),
    *("KeysMade", "KeysKept"),
    *("DriftCorrected", "DriftDetected", "DriftContested", "ChangeAccepted", "ClaimAdopted"),
)
"""These events tell what was done; all others are Ready's reasons."""


@dataclass(frozen=True)
class Namespace:
    """The objects of one namespace as they are at one moment."""

    objects: Sequence[Object]

    def of(self, kind: str, instance: str = "") -> list[Object]:
        """Return the objects of a kind, of one instance where it is named."""
        found = [one for one in self.objects if one["kind"] == kind]
        return [
            one for one in found if not instance or _labels(one).get("app.kubernetes.io/instance") == instance
        ]

    def named(self, kind: str, name: str) -> Object | None:
        """Return one object, or None."""
        return next((one for one in self.of(kind) if one["metadata"]["name"] == name), None)

    def records(self, release: str) -> dict[int, str]:
        """Return the status of each revision in Helm's records."""
        labels = [_labels(one) for one in self.of("ConfigMap")]
        own = [one for one in labels if one.get("owner") == "helm" and one.get("name") == release]
        return {int(one["version"]): one["status"] for one in own}

    def events(self, name: str) -> list[Object]:
        """Return the events of the resources of a name, in the order in which they were written."""
        own = [one for one in self.of("Event") if one["involvedObject"].get("name") == name]
        own = [one for one in own if one.get("source", {}).get("component") == "bind-operator"]
        return sorted(own, key=lambda one: int(one["metadata"]["resourceVersion"]))


def complaints(found: Namespace, name: str, *, mark: str, ready: str = "InSync") -> list[str]:
    """Return what is wrong with a resource that lives.

    mark: the last value of MARK that was asked for. ready: the reason that Ready must have.
    """
    resource = found.named("BindVectorizer", name)
    if resource is None:
        return [f"{name} is not there"]
    records = found.records(name)
    newest = max(records, default=0)
    said = list(_of_status(resource, newest, ready))
    said += _of_records(name, records)
    if _mark(found.named("Deployment", f"{name}-inference")) != mark:
        said.append(f"{name}: the pods' {MARK} is not {mark!r}, as asked for")
    said += [
        f"{name}: its {kind} is not there"
        for kind in ("StatefulSet", "PersistentVolumeClaim")
        if not found.of(kind, name)
    ]
    return said + disorder(found.events(name), newest, ready)


def complaints_of_gone(found: Namespace, name: str) -> list[str]:
    """Return what is wrong with a resource that was deleted and whose volumes are kept."""
    said = [f"{name} is still there"] if found.named("BindVectorizer", name) else []
    if records := found.records(name):
        said.append(f"{name}: Helm still has records of it: {records}")
    for kind in ("Deployment", "StatefulSet", "Pod", "Service"):
        said += [f"{name}: {kind} {one['metadata']['name']} was left behind" for one in found.of(kind, name)]
    if not found.of("PersistentVolumeClaim", name):
        said.append(f"{name}: its volume claim is gone, and was to be kept")
    told = [event["reason"] for event in found.events(name)]
    for reason in ("Uninstalled", *LAST):
        if told.count(reason) != 1:
            said.append(f"{name}: {reason} is told {told.count(reason)} times: {told}")
    if told and tuple(told[-len(LAST) :]) != LAST:
        said.append(f"{name}: {' and '.join(LAST)} are not the last that are told: {told}")
    return said


def disorder(events: Sequence[Object], newest: int, ready: str) -> list[str]:
    """Return how the events, in the order in which they were written, fail to tell the story.

    newest: the revision that is deployed. ready: Ready's reason.
    """
    told = [f"{one['reason']}: {one['message'][:80]}" for one in events]
    made = [one for one in events if _tells_of_a_revision(one)]
    numbers = [_number(one) for one in made]
    said = []
    if not numbers or numbers != sorted(set(numbers)):
        said.append(f"revisions are not told once each and in order: {numbers}")
    elif numbers[-1] != newest:
        said.append(f"revision {newest} is deployed, and {numbers[-1]} is the last that is told")
    kinds = [one["reason"] for one in made]
    if kinds[:1] != ["Installed"] or kinds.count("Installed") != 1:
        said.append("Installed is not told once and first of what was made")
    reasons = [one["reason"] for one in events if one not in made and one["reason"] not in ASIDE]
    if reasons and reasons[-1] != ready:
        said.append(f"the last that is told of Ready is {reasons[-1]}, and it is {ready}")
    return [f"events: {one}; told: {told}" for one in said]


def harm(before: Namespace, after: Namespace, name: str) -> list[str]:
    """Return what was done to a resource that nobody had asked to change."""
    said = []
    for kind in ("Deployment", "StatefulSet", "Pod", "PersistentVolumeClaim", "Service"):
        then, now = _versions(before.of(kind, name)), _versions(after.of(kind, name))
        if then != now:
            said.append(f"{name}: its {kind}s were {then} and are {now}")
    if (then := before.records(name)) != (now := after.records(name)):
        said.append(f"{name}: its revisions were {then} and are {now}")
    told = [event["reason"] for event in after.events(name)[len(before.events(name)) :]]
    if set(told) - set(UNKNOWN_FOR_A_WHILE):
        said.append(f"{name}: it was told of {told}")
    return said


def _of_status(resource: Object, newest: int, ready: str) -> Iterable[str]:
    name, status = resource["metadata"]["name"], resource.get("status", {})
    if status.get("observedGeneration") != resource["metadata"]["generation"]:
        yield f"{name}: the newest spec is not in the status"
    found = {one["type"]: one for one in status.get("conditions", [])}
    if found.get("Ready", {}).get("reason") != ready:
        yield f"{name}: Ready is {found.get('Ready')}"
    if status.get("release", {}).get("revision") != newest:
        yield f"{name}: the status tells of {status.get('release')}, and revision {newest} is the newest"


def _of_records(name: str, records: Mapping[int, str]) -> Iterable[str]:
    if not records or records[max(records)] != "deployed" or set(records.values()) - set(FINISHED):
        yield f"{name}: its revisions are {dict(sorted(records.items()))}"
    if len(records) > MAX_HISTORY:
        yield f"{name}: it has {len(records)} revisions"


def _mark(deployment: Object | None) -> str | None:
    if deployment is None:
        return None
    (container, *_) = deployment["spec"]["template"]["spec"]["containers"]
    return next((one.get("value") for one in container.get("env", []) if one["name"] == MARK), None)


def _number(event: Object) -> int:
    found = re.search(r"revision (\d+)", event["message"])
    return int(found.group(1)) if found else 0


def _tells_of_a_revision(event: Object) -> bool:
    # RolledBack is Ready's reason, too.
    is_rollback = event["reason"] == "RolledBack"
    return event["reason"] in MADE and (not is_rollback or " goes back " in event["message"])


def _versions(objects: Sequence[Object]) -> list[tuple[str, str, int]]:
    """Return name, uid and generation of each object: what a change of it by anybody moves."""
    metadata = [one["metadata"] for one in objects]
    return sorted((one["name"], one["uid"], one.get("generation", 0)) for one in metadata)


def _labels(one: Object) -> Mapping[str, str]:
    labels: Mapping[str, str] = one["metadata"].get("labels", {})
    return labels
