"""Helm's records: labels to revisions, and a record marked failed."""

import base64
import gzip
import json
from typing import Any

import pytest

from bind_operator.policy.facts import Revision
from bind_operator.release.storage import (
    ROLLBACK_MARK,
    RecordUnreadable,
    mark_failed,
    read_record,
    read_revisions,
    release_labels,
)


def secret(number: int, **labels: str) -> dict[str, Any]:
    owned = {"owner": "helm", "name": "t", "version": str(number), "status": "deployed", "createdAt": "100"}
    return {"metadata": {"name": f"sh.helm.release.v1.t.v{number}", "labels": owned | labels}}


def test_newest_first_by_number() -> None:
    revisions = read_revisions([secret(9), secret(10), secret(2)])
    assert [revision.number for revision in revisions] == [10, 9, 2]


def test_our_own_release_is_known_by_its_labels() -> None:
    labels = release_labels("abc", "weaviate-bind-0.1.0", 1)
    ours = Revision(1, "deployed", True, "abc", "weaviate-bind-0.1.0", 200.0, is_labelled=True)
    assert read_revisions([secret(1, modifiedAt="200", **labels)]) == (ours,)


def test_labels_that_helm_kept_from_an_earlier_revision_do_not_make_one_ours() -> None:
    inherited = release_labels("abc", "weaviate-bind-0.1.0", 1)
    [revision] = read_revisions([secret(2, **inherited)])
    assert (revision.managed, revision.is_labelled) == (False, True)


def test_a_revision_from_before_the_mark_is_ours() -> None:
    labels = release_labels("abc", "weaviate-bind-0.1.0", 1)
    del labels["bindvectorizer.dev/revision"]
    assert read_revisions([secret(4, **labels)])[0].managed


def test_a_stranger_has_none_of_our_labels() -> None:
    assert read_revisions([secret(1)]) == (
        Revision(1, "deployed", managed=False, digest="", chart="", modified_at=100.0),
    )


def packed(record: dict[str, Any]) -> dict[str, Any]:
    """Return the Secret of a record."""
    data = base64.b64encode(base64.b64encode(gzip.compress(json.dumps(record).encode()))).decode()
    return secret(1) | {"data": {"release": data}}


def test_a_record_gives_the_objects_of_its_manifest() -> None:
    first = 'kind: A\nat: 2026-01-02\nnumber: 1e+06\ntext: "1e+06"\nhalf: 2.5e-01'
    manifest = f"---\n# Source: a\n{first}\n---\n---\nkind: B\n"
    record = read_record(packed({"info": {"description": "Upgrade complete"}, "manifest": manifest}))
    assert record.objects == (
        {"kind": "A", "at": "2026-01-02", "number": 1_000_000, "text": "1e+06", "half": 0.25},
        {"kind": "B"},
    )
    assert not record.is_rollback


@pytest.mark.parametrize("info", [{"rollback_revision": 3}, {"description": "Rollback to 3"}])
def test_a_rollback_is_known_by_its_record(info: dict[str, Any]) -> None:
    assert read_record(packed({"info": info})).is_rollback


def test_a_rollback_that_the_operator_makes_is_marked_from_its_start() -> None:
    info = {"status": "pending-rollback", "rollback_revision": 3}
    assert not read_record(packed({"info": info | {"description": "Rollback to 3"}})).is_marked
    assert read_record(packed({"info": info | {"description": f"{ROLLBACK_MARK}back to 3"}})).is_marked


@pytest.mark.parametrize("data", ["", "bm8=", "!", base64.b64encode(base64.b64encode(b"x")).decode()])
def test_what_is_no_record_is_said_to_be_none(data: str) -> None:
    with pytest.raises(RecordUnreadable, match=r"^sh\.helm\.release\.v1\.t\.v1 is no record of Helm"):
        read_record(secret(1) | {"data": {"release": data}})


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
