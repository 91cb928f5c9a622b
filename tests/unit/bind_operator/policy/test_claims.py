"""Volume claims: what fits, what grows, what is refused, and whose they are."""

from typing import Any

import pytest

from bind_operator.api import parse_resource
from bind_operator.policy.claims import (
    OWNER_ANNOTATION,
    belongs_to_workload,
    claim_template,
    claims_to_delete,
    claims_to_grow,
    is_given_away,
    read_claims,
    refused_storage,
    replaced_claims,
    unfit_claims,
    wanted_claims,
)
from bind_operator.reasons import Reason
from support.resources import merged, tiny_resource

UID = "0c5e"
CREATED, EARLIER, LATER = "2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z", "2026-01-02T00:00:09Z"
RESOURCE = {"metadata": {"uid": UID, "creationTimestamp": CREATED}}
DATA, CACHE = "weaviate-data-t-weaviate-0", "t-model-cache"


def wanted(size: str = "2Gi", storage_class: str | None = None, cache: str = "") -> Any:
    storage = {"size": size, "storageClassName": storage_class}
    spec: dict[str, Any] = {"weaviate": {"storage": storage}}
    if cache:
        model = {"name": "ImageBindHuge", "licenseAccepted": True, "cache": {"size": cache}}
        spec["inference"] = {"model": model}
    return wanted_claims("t", parse_resource(merged(tiny_resource("t"), {"spec": spec})).spec)


def claim(
    name: str = DATA,
    size: str = "2Gi",
    storage_class: str = "standard",
    owner: str = "",
    created: str = LATER,
    **spec: Any,
) -> dict[str, Any]:
    base = {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": storage_class,
        "resources": {"requests": {"storage": size}},
    }
    annotations = {OWNER_ANNOTATION: owner} if owner else {}
    metadata = {"name": name, "creationTimestamp": created, "annotations": annotations}
    return {"metadata": metadata, "spec": base | spec}


def by_name(*claims: dict[str, Any]) -> dict[str, Any]:
    return {one["metadata"]["name"]: one for one in claims}


def test_a_claim_for_each_pod_and_one_for_the_cache() -> None:
    spec = {
        "weaviate": {"replicas": 3},
        "inference": {"model": {"name": "ImageBindHuge", "licenseAccepted": True}},
    }
    found = wanted_claims("t", parse_resource(merged(tiny_resource("t"), {"spec": spec})).spec)
    names = [f"weaviate-data-t-weaviate-{number}" for number in range(3)]
    assert [one.name for one in found] == [*names, CACHE]


@pytest.mark.parametrize(
    ("cache", "replicas", "name"),
    [
        ({}, 1, CACHE),
        ({}, 2, ""),
        ({"scope": "Shared"}, 2, CACHE),
        ({"scope": "PerPod"}, 1, ""),
        ({"accessMode": "ReadWriteMany"}, 2, f"{CACHE}-rwx"),
    ],
)
def test_only_a_cache_that_pods_share_is_a_claim_of_the_resource(
    cache: dict[str, Any], replicas: int, name: str
) -> None:
    model = {"name": "ImageBindHuge", "licenseAccepted": True, "cache": cache}
    spec = {"inference": {"replicas": replicas, "model": model}}
    found = wanted_claims("t", parse_resource(merged(tiny_resource("t"), {"spec": spec})).spec)
    assert [one.name for one in found] == [DATA, *filter(None, [name])]


FITS = {
    "the same": claim(),
    "in other words": claim(size="2048Mi"),
    "a smaller one, which grows": claim(size="1Gi"),
    "its own, enlarged by hand": claim(size="9Gi", owner=UID),
    "one that many nodes mount": claim(accessModes=["ReadWriteMany"]),
}
UNFIT = {
    "larger": (claim(size="3Gi"), "spec.weaviate.storage.size to 3Gi"),
    "read-only": (claim(accessModes=["ReadOnlyMany"]), "no file system"),
    "a block device": (claim(volumeMode="Block"), "no file system"),
    "without its volume": (claim() | {"status": {"phase": "Lost"}}, "lost its volume"),
    "of another resource, larger": (claim(size="3Gi", owner="ffff"), "size to 3Gi"),
}


@pytest.mark.parametrize("case", FITS)
def test_a_claim_fits(case: str) -> None:
    assert unfit_claims(wanted(), by_name(FITS[case]), UID) == ()


@pytest.mark.parametrize("case", UNFIT)
def test_a_claim_does_not_fit(case: str) -> None:
    found, words = UNFIT[case]
    (change,) = unfit_claims(wanted(), by_name(found), UID)
    assert (change.reason, change.token) == (Reason.CLAIM_UNFIT, "")
    assert words in f"{change.breaks} {change.remedy}"


def test_a_claim_of_another_class_does_not_fit() -> None:
    (change,) = unfit_claims(wanted(storage_class="fast"), by_name(claim()), UID)
    assert "spec.weaviate.storage.storageClassName to standard" in change.remedy
    assert unfit_claims(wanted(storage_class="standard"), by_name(claim()), UID) == ()


def test_a_claim_that_is_being_deleted_does_not_fit() -> None:
    found = claim()
    found["metadata"]["deletionTimestamp"] = LATER
    (change,) = unfit_claims(wanted(), by_name(found), UID)
    assert "is being deleted" in change.breaks


# size wanted, sizes of template and claim: whether it is refused
SIZES = {
    "as it is": ("2Gi", "2Gi", "2Gi", False),
    "grows": ("3Gi", "2Gi", "2Gi", False),
    "shrinks": ("1Gi", "2Gi", "2Gi", True),
    "enlarged by hand": ("2Gi", "2Gi", "9Gi", False),
    "the spec follows the hand": ("9Gi", "2Gi", "9Gi", False),
    "put back after a growth that was refused": ("1Gi", "2Gi", "1Gi", False),
}


@pytest.mark.parametrize("case", SIZES)
def test_data_does_not_shrink_but_a_wish_may(case: str) -> None:
    size, template, has, refused = SIZES[case]
    found = refused_storage(wanted(size), by_name(claim(size=has)), (template, ""))
    assert [change.reason for change in found] == [Reason.CHANGE_REFUSED] * refused
    assert all(f"back to {has}" in change.remedy for change in found)


def test_the_cache_does_not_shrink() -> None:
    cache = claim(CACHE, "20Gi")
    (change,) = refused_storage(wanted(cache="10Gi"), by_name(cache), ("2Gi", ""))
    assert "spec.inference.model.cache.size back to 20Gi" in change.remedy
    assert refused_storage(wanted(cache="20Gi"), by_name(cache), ("2Gi", "")) == ()


@pytest.mark.parametrize(("template", "asked"), [("", "fast"), ("standard", "fast"), ("standard", None)])
def test_the_class_does_not_change(template: str, asked: str | None) -> None:
    for claims in (by_name(claim()), {}):
        found = refused_storage(wanted(storage_class=asked), claims, ("2Gi", template))
        assert ["storageClassName" in change.breaks for change in found] == [True]


def test_several_pods_give_one_message() -> None:
    spec = {"weaviate": {"replicas": 3, "storage": {"size": "1Gi"}}}
    asked = wanted_claims("t", parse_resource(merged(tiny_resource("t"), {"spec": spec})).spec)
    claims = by_name(*(claim(f"weaviate-data-t-weaviate-{number}") for number in range(3)))
    assert len(refused_storage(asked, claims, ("2Gi", ""))) == 1


def test_only_smaller_claims_grow() -> None:
    claims = by_name(claim(size="1Gi"), claim(CACHE, "30Gi"))
    assert [(one.name, size) for one, size in claims_to_grow(wanted(cache="20Gi"), claims)] == [(DATA, "1Gi")]


def test_what_a_stateful_set_says_of_its_claims() -> None:
    template = {"spec": {"resources": {"requests": {"storage": "2Gi"}}}}
    stateful_set: dict[str, Any] = {"spec": {"volumeClaimTemplates": [template]}}
    assert claim_template(stateful_set) == ("2Gi", "")
    assert claim_template({"spec": {}}) is None
    assert not is_given_away(stateful_set)
    stateful_set["spec"]["persistentVolumeClaimRetentionPolicy"] = {"whenDeleted": "Delete"}
    assert is_given_away(stateful_set)
    owned = claim()
    assert not belongs_to_workload(owned)
    owned["metadata"]["ownerReferences"] = [{"kind": "StatefulSet"}]
    assert belongs_to_workload(owned)


@pytest.mark.parametrize(
    ("owner", "created", "uninstalled", "goes"),
    [
        (UID, LATER, False, True),
        (UID, EARLIER, False, True),
        ("ffff", LATER, True, False),
        ("", EARLIER, True, False),
        ("", LATER, False, False),
        ("", LATER, True, True),
    ],
)
def test_only_what_the_resource_used_goes_with_it(
    owner: str, created: str, *, uninstalled: bool, goes: bool
) -> None:
    found = claim(owner=owner, created=created)
    assert claims_to_delete([found], RESOURCE, uninstalled=uninstalled) == ([found] if goes else [])


def test_the_status_tells_what_was_adopted() -> None:
    bound = claim(size="1Gi", created=EARLIER) | {"status": {"capacity": {"storage": "2Gi"}}}
    found = read_claims([claim(CACHE, "20Gi"), bound][::-1], RESOURCE)
    assert [(one.name, one.size, one.adopted) for one in found] == [
        (CACHE, "20Gi", False),
        (DATA, "2Gi", True),
    ]


def test_a_claim_that_is_younger_than_the_data_was_replaced() -> None:
    before: dict[str, Any] = {"weaviate": {"replicas": 1, "since": CREATED}}
    claims = read_claims([claim(), claim(CACHE), claim("weaviate-data-t-weaviate-1")], RESOURCE)
    assert [one.name for one in replaced_claims("t", before, claims)] == [DATA]
    assert replaced_claims("t", {}, claims) == []
    assert replaced_claims("t", before | {"storage": [{"name": DATA, "created": LATER}]}, claims) == []
    assert replaced_claims("t", before, read_claims([claim(created=EARLIER)], RESOURCE)) == []


def test_what_runs_elsewhere_asks_for_no_claims() -> None:
    external = {"external": {"url": "http://x.local"}}
    model = {"name": "ImageBindHuge", "licenseAccepted": True}
    apart = {"weaviate": external, "inference": {"model": model}}
    found = wanted_claims("t", parse_resource(merged(tiny_resource("t"), {"spec": apart})).spec)
    assert [one.name for one in found] == [CACHE]
    elsewhere = {"inference": external | {"model": model}}
    found = wanted_claims("t", parse_resource(merged(tiny_resource("t"), {"spec": elsewhere})).spec)
    assert [one.name for one in found] == [DATA]
