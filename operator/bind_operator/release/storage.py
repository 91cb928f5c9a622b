"""Helm keeps a release's revisions in ConfigMaps or Secrets; these are its own records."""

import base64
import gzip
import json
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from bind_operator.policy.facts import Revision
from bind_operator.policy.names import OPERATOR
from bind_operator.policy.objects import Object


class HelmDriver(StrEnum):
    """It says where Helm keeps its records."""

    CONFIG_MAP = "ConfigMap"
    """In ConfigMaps, so that no right on Secrets is needed."""
    SECRET = "Secret"  # noqa: S105  (a kind)
    """In Secrets, as Helm does by default."""
    MIGRATE = "Migrate"
    """In ConfigMaps, and records that lie in Secrets are moved there."""

    @property
    def helm_name(self) -> str:
        """Return what Helm calls it (HELM_DRIVER)."""
        return "secret" if self is HelmDriver.SECRET else "configmap"

    @property
    def mark(self) -> str:
        """Return the value of the chart's `helmDriver`, which workloads carry as a label.

        A release whose records lie elsewhere cannot be seen: its workloads are no leftovers of ours.
        """
        return "" if self is HelmDriver.SECRET else HelmDriver.CONFIG_MAP.value

    @property
    def resource(self) -> str:
        """Return the records' resource in paths of the API."""
        return f"{self.helm_name}s"


MANAGED_LABEL = "bindvectorizer.dev/managed-by"
DIGEST_LABEL = "bindvectorizer.dev/digest"
CHART_LABEL = "bindvectorizer.dev/chart"


def release_labels(digest: str, chart: str) -> dict[str, str]:
    """Return the labels that the operator gives a release, by which it knows it again without reading it."""
    return {MANAGED_LABEL: OPERATOR, DIGEST_LABEL: digest, CHART_LABEL: chart}


def release_selector(name: str) -> str:
    """Return the label selector of the records of release `name`."""
    return f"owner=helm,name={name}"


def record_name(release: str, revision: int) -> str:
    """Return the name of the record of one revision."""
    return f"sh.helm.release.v1.{release}.v{revision}"


def read_revisions(records: Sequence[Object]) -> tuple[Revision, ...]:
    """Return the revisions that `records` (metadata is enough) stand for, newest first."""
    revisions = [_revision(record["metadata"].get("labels", {})) for record in records]
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


def mark_failed(record: Object, now: float, driver: HelmDriver) -> dict[str, Any]:
    """Return the object `record` with its release marked failed, so that Helm takes it up again.

    The record is changed and not removed: it names the objects that an uninstall must find.
    """
    text = record["data"]["release"]
    release = json.loads(gzip.decompress(base64.b64decode(_plain(text) if driver is _SECRET else text)))
    release["info"] |= {"status": "failed", "description": f"interrupted; unlocked by {OPERATOR}"}
    packed = base64.b64encode(gzip.compress(json.dumps(release).encode(), mtime=0))
    labels = record["metadata"]["labels"] | {"status": "failed", "modifiedAt": str(int(now))}
    return {
        **record,
        "metadata": record["metadata"] | {"labels": labels},
        "data": {"release": (base64.b64encode(packed) if driver is _SECRET else packed).decode()},
    }


def to_config_map(secret: Object) -> dict[str, Any]:
    """Return the ConfigMap that holds the record of `secret`, as Helm's driver for ConfigMaps writes it."""
    metadata = secret["metadata"]
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {name: metadata[name] for name in ("name", "namespace", "labels")},
        "data": {"release": _plain(secret["data"]["release"])},
    }


def _plain(data: str) -> str:
    """Return what a Secret holds as `data`; Helm encodes it once more by itself."""
    return base64.b64decode(data).decode()


_SECRET = HelmDriver.SECRET
