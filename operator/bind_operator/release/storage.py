"""Helm keeps a release's revisions in Secrets; these are its own records."""

import base64
import gzip
import json
from collections.abc import Mapping, Sequence
from typing import Any

from bind_operator.policy.facts import Revision
from bind_operator.policy.names import OPERATOR
from bind_operator.policy.objects import Object

MANAGED_LABEL = "bindvectorizer.dev/managed-by"
DIGEST_LABEL = "bindvectorizer.dev/digest"
CHART_LABEL = "bindvectorizer.dev/chart"


def release_labels(digest: str, chart: str) -> dict[str, str]:
    """Return the labels that the operator gives a release, by which it knows it again without reading it."""
    return {MANAGED_LABEL: OPERATOR, DIGEST_LABEL: digest, CHART_LABEL: chart}


def release_selector(name: str) -> str:
    """Return the label selector of the Secrets of release `name`."""
    return f"owner=helm,name={name}"


def secret_name(release: str, revision: int) -> str:
    """Return the name of the Secret of one revision."""
    return f"sh.helm.release.v1.{release}.v{revision}"


def read_revisions(secrets: Sequence[Object]) -> tuple[Revision, ...]:
    """Return the revisions that `secrets` (metadata is enough) stand for, newest first."""
    revisions = [_revision(secret["metadata"].get("labels", {})) for secret in secrets]
    return tuple(sorted(revisions, key=lambda revision: revision.number, reverse=True))


def _revision(labels: Mapping[str, str]) -> Revision:
    return Revision(
        number=int(labels["version"]),
        status=labels.get("status", "unknown"),
        managed=labels.get(MANAGED_LABEL) == OPERATOR,
        digest=labels.get(DIGEST_LABEL, ""),
        chart=labels.get(CHART_LABEL, ""),
        modified_at=float(labels.get("modifiedAt") or labels.get("createdAt") or 0),
    )


def mark_failed(secret: Object, now: float) -> dict[str, Any]:
    """Return `secret` with its release marked failed, so that Helm takes it up again.

    The record is changed and not removed: it names the objects that an uninstall must find.
    """
    record = json.loads(gzip.decompress(base64.b64decode(base64.b64decode(secret["data"]["release"]))))
    record["info"] |= {"status": "failed", "description": f"interrupted; unlocked by {OPERATOR}"}
    packed = gzip.compress(json.dumps(record).encode(), mtime=0)
    labels = secret["metadata"]["labels"] | {"status": "failed", "modifiedAt": str(int(now))}
    return {
        **secret,
        "metadata": secret["metadata"] | {"labels": labels},
        "data": {"release": base64.b64encode(base64.b64encode(packed)).decode()},
    }
