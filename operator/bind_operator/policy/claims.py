"""Volume claims: which a resource needs, whether one that is there fits, which grow, and whose they are."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bind_operator.api.identity import GROUP
from bind_operator.api.model import CacheAccessMode
from bind_operator.api.quantity import parse_quantity
from bind_operator.api.spec import BindVectorizerSpec
from bind_operator.api.status import ClaimStatus
from bind_operator.policy.facts import Component
from bind_operator.policy.guards import Change
from bind_operator.policy.names import CHART, cache_claim_name, data_claim_name
from bind_operator.policy.objects import COMPONENT_LABEL, INSTANCE_LABEL, NAME_LABEL, Object, is_deleting
from bind_operator.reasons import Reason

OWNER_ANNOTATION = f"{GROUP}/owner-uid"
"""A claim bears the uid of the resource whose pods used it last; only that one's deletion deletes it."""

WRITABLE_MODES = {"ReadWriteOnce", "ReadWriteOncePod", "ReadWriteMany"}
BACKUPS = "backups"
"""The claim of backups bears this component, which no pod does."""
STORAGE = "spec.weaviate.storage"
CACHE = "spec.inference.model.cache"


@dataclass(frozen=True)
class WantedClaim:
    """It is a claim as the spec asks for it."""

    name: str
    component: Component
    size: str
    storage_class: str | None
    field: str
    """The part of the spec that asks for it."""


def wanted_claims(name: str, spec: BindVectorizerSpec) -> tuple[WantedClaim, ...]:
    """Return the claims that resource `name` asks for: one for each Weaviate pod, and one for the cache."""
    storage, model = spec.weaviate.storage, spec.inference.model
    pods = 0 if spec.weaviate.external is not None else spec.weaviate.replicas
    claims = [
        WantedClaim(
            data_claim_name(name, number),
            Component.WEAVIATE,
            storage.size,
            storage.storage_class_name,
            STORAGE,
        )
        for number in range(pods)
    ]
    if spec.inference.external is None and spec.inference.shares_cache:
        size, storage_class = model.cache.size, model.cache.storage_class_name
        cache = cache_claim_name(name, is_wide=model.cache.access_mode is CacheAccessMode.READ_WRITE_MANY)
        claims.append(WantedClaim(cache, Component.INFERENCE, size, storage_class, CACHE))
    return tuple(claims)


def requested_size(claim: Object) -> str:
    """Return the size that a claim asks for."""
    return str(claim["spec"].get("resources", {}).get("requests", {}).get("storage", "0"))


def owner_of(claim: Object) -> str | None:
    """Return the uid of the resource that used the claim last, None if none is known."""
    uid: str | None = claim["metadata"].get("annotations", {}).get(OWNER_ANNOTATION)
    return uid


def claim_labels(name: str, wanted: WantedClaim) -> dict[str, str]:
    """Return the labels by which a claim of resource `name` is found."""
    return {NAME_LABEL: CHART, INSTANCE_LABEL: name, COMPONENT_LABEL: str(wanted.component)}


def unfit_claims(wanted: Iterable[WantedClaim], claims: Mapping[str, Object], uid: str) -> tuple[Change, ...]:
    """Return why claims that are there cannot be adopted by a release that is not installed yet.

    claims: by name. uid: of the resource; its own claims fit, since it used them before.
    """
    faults = []
    for one in wanted:
        claim = claims.get(one.name)
        if claim is not None and owner_of(claim) != uid:
            faults.append(_fault(one, claim))
    return tuple(fault for fault in faults if fault is not None)


def _fault(wanted: WantedClaim, claim: Object) -> Change | None:
    spec, phase = claim["spec"], claim.get("status", {}).get("phase")
    modes, size = set(spec.get("accessModes", [])), requested_size(claim)
    storage_class = spec.get("storageClassName") or ""
    is_there = f"volume claim {wanted.name}, which is there already,"
    remove = f"or remove the claim with its data: kubectl delete pvc {wanted.name}"
    if is_deleting(claim):
        return _unfit(f"{is_there} is being deleted", "wait until it is gone")
    if phase == "Lost":
        return _unfit(f"{is_there} has lost its volume", f"give it back its volume, {remove}")
    if spec.get("volumeMode", "Filesystem") != "Filesystem" or not modes & WRITABLE_MODES:
        return _unfit(
            f"{is_there} is no file system that a pod can write to", f"give it another name, {remove}"
        )
    if wanted.storage_class is not None and wanted.storage_class != storage_class:
        return _unfit(
            f"{is_there} is of the storage class {storage_class or '(none)'}, not {wanted.storage_class}",
            f"set {wanted.field}.storageClassName to {storage_class or 'nothing'}, {remove}",
        )
    if parse_quantity(size) > parse_quantity(wanted.size):
        return _unfit(
            f"{is_there} has {size}, more than {wanted.size}", f"set {wanted.field}.size to {size}, {remove}"
        )
    return None


def refused_storage(
    wanted: Iterable[WantedClaim], claims: Mapping[str, Object], template: tuple[str, str] | None
) -> tuple[Change, ...]:
    """Return what a release that is deployed cannot do to its volumes: shrink them, or change their class.

    template: size and class in the StatefulSet, None if it is not there. Claims that somebody enlarged by
    hand are no fault, as long as the spec asks for no less than it did.
    """
    found: dict[str, Change] = {}
    for one in wanted:
        claim = claims.get(one.name)
        fault = _refused(one, claim, template) if claim is not None else None
        if fault is not None:
            # The claims of all Weaviate pods have one cause.
            found.setdefault(one.field + fault.breaks, fault)
    if template is not None and not found:
        class_fault = _template_class(wanted, template[1])
        return (class_fault,) if class_fault else ()
    return tuple(found.values())


def _refused(wanted: WantedClaim, claim: Object, template: tuple[str, str] | None) -> Change | None:
    storage_class, size = claim["spec"].get("storageClassName") or "", requested_size(claim)
    if wanted.storage_class is not None and storage_class and wanted.storage_class != storage_class:
        return _class_change(wanted.field, storage_class, wanted.storage_class)
    is_smaller = parse_quantity(wanted.size) < parse_quantity(size)
    if wanted.field == STORAGE:
        # The StatefulSet does not touch a claim that is there, so it may be larger than the spec says.
        is_smaller = (
            is_smaller and template is not None and parse_quantity(wanted.size) < parse_quantity(template[0])
        )
    if not is_smaller:
        return None
    return Change(
        Reason.CHANGE_REFUSED,
        f"{wanted.field}.size would shrink to {wanted.size}, but a volume cannot shrink",
        f"set {wanted.field}.size back to {size}",
    )


def _template_class(wanted: Iterable[WantedClaim], storage_class: str) -> Change | None:
    data = next((one for one in wanted if one.field == STORAGE), None)
    if data is None or (data.storage_class or "") == storage_class:
        return None
    return _class_change(STORAGE, storage_class, data.storage_class or "")


def _class_change(field: str, old: str, new: str) -> Change:
    back = f"set it back to {old}" if old else "remove it again"
    return Change(
        Reason.CHANGE_REFUSED,
        f"{field}.storageClassName would change from {old or 'the default'} to {new or 'the default'}, but a "
        "volume cannot change its class in place",
        f"{back}; or create a resource of another name with that class, and move the data there",
    )


def claims_to_grow(
    wanted: Iterable[WantedClaim], claims: Mapping[str, Object]
) -> list[tuple[WantedClaim, str]]:
    """Return the claims that are smaller than the spec asks for, each with the size that it has."""
    found = ((one, claims[one.name]) for one in wanted if one.name in claims)
    sizes = [(one, requested_size(claim)) for one, claim in found]
    return [(one, size) for one, size in sizes if parse_quantity(size) < parse_quantity(one.size)]


def claim_template(stateful_set: Object) -> tuple[str, str] | None:
    """Return size and storage class (empty: the default) of the claims that a StatefulSet makes."""
    templates = stateful_set["spec"].get("volumeClaimTemplates") or []
    if not templates:
        return None
    spec = templates[0]["spec"]
    return str(spec["resources"]["requests"]["storage"]), spec.get("storageClassName") or ""


def is_given_away(stateful_set: Object) -> bool:
    """Return whether the claims would go with the StatefulSet, as in the chart's earlier versions."""
    policy = stateful_set["spec"].get("persistentVolumeClaimRetentionPolicy") or {}
    return policy.get("whenDeleted") == "Delete"


def belongs_to_workload(claim: Object) -> bool:
    """Return whether the claim goes when its StatefulSet goes."""
    references = claim["metadata"].get("ownerReferences", [])
    return any(reference.get("kind") == "StatefulSet" for reference in references)


def was_there_before(claim: Object, resource: Object) -> bool:
    """Return whether the claim is older than the resource; both times are RFC 3339 in UTC."""
    return str(claim["metadata"]["creationTimestamp"]) < str(resource["metadata"]["creationTimestamp"])


def claims_to_delete(claims: Sequence[Object], resource: Object, *, uninstalled: bool) -> list[Object]:
    """Return the claims that go with the resource: those that its pods have used.

    uninstalled: its release was uninstalled a moment ago, so that a claim which came too late for its mark
    is its own, too.
    """
    uid = resource["metadata"]["uid"]
    return [
        claim
        for claim in claims
        if not holds_backups(claim)
        and (
            owner_of(claim) == uid
            or (uninstalled and owner_of(claim) is None and not was_there_before(claim, resource))
        )
    ]


def holds_backups(claim: Object) -> bool:
    """Return whether backups are in it: they are none if they go with what they are of."""
    return bool(claim["metadata"].get("labels", {}).get(COMPONENT_LABEL) == BACKUPS)


def read_claims(claims: Sequence[Object], resource: Object) -> tuple[ClaimStatus, ...]:
    """Return what the status says of the claims, in the order of their names."""
    ordered = sorted(claims, key=lambda claim: str(claim["metadata"]["name"]))
    return tuple(
        ClaimStatus(
            name=claim["metadata"]["name"],
            size=_capacity(claim),
            created=claim["metadata"]["creationTimestamp"],
            adopted=was_there_before(claim, resource),
        )
        for claim in ordered
    )


def replaced_claims(name: str, before: Mapping[str, Any], claims: Iterable[ClaimStatus]) -> list[ClaimStatus]:
    """Return the claims of resource `name` that are younger than the data that its status `before` tells of.

    Those that the status has already are left out, so that each is told once.
    """
    weaviate = before.get("weaviate") or {}
    names = {data_claim_name(name, number) for number in range(weaviate.get("replicas", 0))}
    told = {(one.get("name"), one.get("created")) for one in before.get("storage", [])}
    return [
        one
        for one in claims
        if one.name in names and one.created > weaviate["since"] and (one.name, one.created) not in told
    ]


def _capacity(claim: Any) -> str:
    return str(claim.get("status", {}).get("capacity", {}).get("storage") or requested_size(claim))


def _unfit(breaks: str, remedy: str) -> Change:
    return Change(Reason.CLAIM_UNFIT, breaks, remedy)
