"""Helm's records: labels to revisions, and a record marked failed."""

import base64
import gzip
import json
from typing import Any

import pytest

from bind_operator.policy.causes import Cause, Occasion
from bind_operator.policy.facts import Revision
from bind_operator.release.storage import (
    ROLLBACK_MARK,
    HelmDriver,
    RecordUnreadable,
    mark_failed,
    read_record,
    read_revisions,
    release_labels,
    to_config_map,
    without_kinds,
)

OCCASION = Occasion(4, Cause.SPEC_CHANGED)


def secret(number: int, **labels: str) -> dict[str, Any]:
    owned = {"owner": "helm", "name": "t", "version": str(number), "status": "deployed", "createdAt": "9"}
    name, made = f"sh.helm.release.v1.t.v{number}", "1970-01-01T00:01:40Z"
    return {"metadata": {"name": name, "creationTimestamp": made, "labels": owned | labels}}


def test_newest_first_by_number() -> None:
    revisions = read_revisions([secret(9), secret(10), secret(2)])
    assert [revision.number for revision in revisions] == [10, 9, 2]


def test_our_own_release_is_known_by_its_labels() -> None:
    labels = release_labels("abc", "weaviate-bind-0.1.0", 1, OCCASION)
    ours = Revision(
        1,
        "deployed",
        True,
        "abc",
        "weaviate-bind-0.1.0",
        100.0,
        is_labelled=True,
        generation=4,
        cause="SpecChanged",
    )
    assert read_revisions([secret(1, **labels)]) == (ours,)


def test_labels_that_helm_kept_from_an_earlier_revision_do_not_make_one_ours() -> None:
    inherited = release_labels("abc", "weaviate-bind-0.1.0", 1, OCCASION)
    [revision] = read_revisions([secret(2, **inherited)])
    assert (revision.managed, revision.is_labelled) == (False, True)


def test_a_revision_from_before_the_mark_is_ours() -> None:
    labels = release_labels("abc", "weaviate-bind-0.1.0", 1, OCCASION)
    del labels["bindvectorizer.dev/revision"]
    assert read_revisions([secret(4, **labels)])[0].managed


def test_a_revision_from_before_causes_has_none() -> None:
    labels = release_labels("abc", "weaviate-bind-0.1.0", 1, OCCASION)
    del labels["bindvectorizer.dev/generation"], labels["bindvectorizer.dev/cause"]
    [revision] = read_revisions([secret(1, **labels)])
    assert (revision.managed, revision.generation, revision.cause) == (True, None, "")


def test_a_stranger_has_none_of_our_labels() -> None:
    assert read_revisions([secret(1)]) == (
        Revision(1, "deployed", managed=False, digest="", chart="", created_at=100.0),
    )


def packed(driver: HelmDriver, record: dict[str, Any]) -> str:
    """Return a record as Helm writes it."""
    text = base64.b64encode(gzip.compress(json.dumps(record).encode()))
    return (base64.b64encode(text) if driver is HelmDriver.SECRET else text).decode()


def unpacked(driver: HelmDriver, text: str) -> Any:
    once = base64.b64decode(text)
    return json.loads(gzip.decompress(base64.b64decode(once) if driver is HelmDriver.SECRET else once))


def stored(record: dict[str, Any], driver: HelmDriver = HelmDriver.CONFIG_MAP) -> dict[str, Any]:
    """Return the object of a record."""
    return secret(1) | {"data": {"release": packed(driver, record)}}


@pytest.mark.parametrize("driver", HelmDriver)
def test_a_record_gives_the_objects_of_its_manifest(driver: HelmDriver) -> None:
    first = 'kind: A\nat: 2026-01-02\nnumber: 1e+06\ntext: "1e+06"\nhalf: 2.5e-01'
    manifest = f"---\n# Source: a\n{first}\n---\n---\nkind: B\n"
    record = read_record(
        stored({"info": {"description": "Upgrade complete"}, "manifest": manifest}, driver), driver
    )
    assert record.objects == (
        {"kind": "A", "at": "2026-01-02", "number": 1_000_000, "text": "1e+06", "half": 0.25},
        {"kind": "B"},
    )
    assert not record.is_rollback


@pytest.mark.parametrize("info", [{"rollback_revision": 3}, {"description": "Rollback to 3"}])
def test_a_rollback_is_known_by_its_record(info: dict[str, Any]) -> None:
    assert read_record(stored({"info": info}), HelmDriver.CONFIG_MAP).is_rollback


def test_a_rollback_that_the_operator_makes_is_marked_from_its_start() -> None:
    info = {"status": "pending-rollback", "rollback_revision": 3}
    assert not read_record(
        stored({"info": info | {"description": "Rollback to 3"}}), HelmDriver.CONFIG_MAP
    ).is_marked
    assert read_record(
        stored({"info": info | {"description": f"{ROLLBACK_MARK}back to 3"}}), HelmDriver.CONFIG_MAP
    ).is_marked


@pytest.mark.parametrize("data", ["", "bm8=", "!", base64.b64encode(b"x").decode()])
def test_what_is_no_record_is_said_to_be_none(data: str) -> None:
    with pytest.raises(RecordUnreadable, match=r"^sh\.helm\.release\.v1\.t\.v1 is no record of Helm"):
        read_record(secret(1) | {"data": {"release": data}}, HelmDriver.CONFIG_MAP)


@pytest.mark.parametrize("driver", HelmDriver)
def test_mark_failed_keeps_the_manifest(driver: HelmDriver) -> None:
    record = {"name": "t", "info": {"status": "pending-install"}, "manifest": "kind: Service"}
    before = secret(1, status="pending-install") | {"data": {"release": packed(driver, record)}, "type": "t"}
    after = mark_failed(before, 300.5, driver)
    assert after["metadata"]["labels"]["status"] == "failed"
    assert after["metadata"]["labels"]["modifiedAt"] == "300"
    assert after["type"] == "t"
    release = unpacked(driver, after["data"]["release"])
    assert release["info"]["status"] == "failed"
    assert release["manifest"] == "kind: Service"
    assert before["metadata"]["labels"]["status"] == "pending-install"


MANIFEST = """---
# Source: a.yaml
apiVersion: v1
kind: ConfigMap
data: {text: "--- no mark"}
---
# Source: b.yaml
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
---
# Source: c.yaml
apiVersion: keda.sh/v2
kind: ScaledObject
"""


@pytest.mark.parametrize("driver", HelmDriver)
def test_objects_of_a_lost_kind_are_taken_out_and_the_revision_is_no_longer_what_was_asked_for(
    driver: HelmDriver,
) -> None:
    record = {"name": "t", "info": {}, "manifest": MANIFEST}
    labels = {"bindvectorizer.dev/digest": "abc"}
    before = secret(1, **labels) | {"data": {"release": packed(driver, record)}, "type": "t"}
    after = without_kinds(before, [("ScaledObject", "keda.sh/v1alpha1")], driver)
    assert after is not None
    release = unpacked(driver, after["data"]["release"])
    first, _, last = MANIFEST.split("---\n# ")[1:]
    assert release == record | {"manifest": f"---\n# {first}---\n# {last}"}
    assert read_revisions([after])[0].digest == ""
    assert after["type"] == "t"
    assert without_kinds(before, [("ScaledObject", "keda.sh/v3")], driver) is None


def test_a_secret_becomes_the_config_map_that_helm_would_write() -> None:
    record = {"name": "t"}
    before = secret(3) | {
        "data": {"release": packed(HelmDriver.SECRET, record)},
        "type": "helm.sh/release.v1",
    }
    before["metadata"] |= {"namespace": "space", "uid": "1", "resourceVersion": "7"}
    after = to_config_map(before)
    assert after["kind"] == "ConfigMap"
    assert after["metadata"] == {
        "name": "sh.helm.release.v1.t.v3",
        "namespace": "space",
        "labels": secret(3)["metadata"]["labels"],
    }
    assert unpacked(HelmDriver.CONFIG_MAP, after["data"]["release"]) == record
