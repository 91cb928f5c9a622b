"""Helm's records: labels to revisions, and a record marked failed."""

import base64
import gzip
import json
from typing import Any

import pytest

from bind_operator.policy.facts import Revision
from bind_operator.release.storage import (
    HelmDriver,
    mark_failed,
    read_revisions,
    release_labels,
    to_config_map,
)


def secret(number: int, **labels: str) -> dict[str, Any]:
    owned = {"owner": "helm", "name": "t", "version": str(number), "status": "deployed", "createdAt": "100"}
    return {"metadata": {"name": f"sh.helm.release.v1.t.v{number}", "labels": owned | labels}}


def test_newest_first_by_number() -> None:
    revisions = read_revisions([secret(9), secret(10), secret(2)])
    assert [revision.number for revision in revisions] == [10, 9, 2]


def test_our_own_release_is_known_by_its_labels() -> None:
    labels = release_labels("abc", "weaviate-bind-0.1.0")
    assert read_revisions([secret(1, modifiedAt="200", **labels)]) == (
        Revision(1, "deployed", managed=True, digest="abc", chart="weaviate-bind-0.1.0", modified_at=200.0),
    )


def test_a_stranger_has_none_of_our_labels() -> None:
    assert read_revisions([secret(1)]) == (
        Revision(1, "deployed", managed=False, digest="", chart="", modified_at=100.0),
    )


def packed(driver: HelmDriver, record: dict[str, Any]) -> str:
    """Return a record as Helm writes it."""
    text = base64.b64encode(gzip.compress(json.dumps(record).encode()))
    return (base64.b64encode(text) if driver is HelmDriver.SECRET else text).decode()


def unpacked(driver: HelmDriver, text: str) -> Any:
    once = base64.b64decode(text)
    return json.loads(gzip.decompress(base64.b64decode(once) if driver is HelmDriver.SECRET else once))


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
