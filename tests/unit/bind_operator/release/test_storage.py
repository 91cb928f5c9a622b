"""Helm's records: labels to revisions, and a record marked failed."""

import base64
import gzip
import json
from typing import Any

from bind_operator.policy.facts import Revision
from bind_operator.release.storage import mark_failed, read_revisions, release_labels


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


def test_mark_failed_keeps_the_manifest() -> None:
    record = {"name": "t", "info": {"status": "pending-install"}, "manifest": "kind: Service"}
    packed = base64.b64encode(base64.b64encode(gzip.compress(json.dumps(record).encode()))).decode()
    before = secret(1, status="pending-install") | {"data": {"release": packed}, "type": "helm.sh/release.v1"}
    after = mark_failed(before, now=300.5)
    assert after["metadata"]["labels"]["status"] == "failed"
    assert after["metadata"]["labels"]["modifiedAt"] == "300"
    assert after["type"] == "helm.sh/release.v1"
    unpacked = json.loads(gzip.decompress(base64.b64decode(base64.b64decode(after["data"]["release"]))))
    assert unpacked["info"]["status"] == "failed"
    assert unpacked["manifest"] == "kind: Service"
    assert before["metadata"]["labels"]["status"] == "pending-install"
