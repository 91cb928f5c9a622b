"""Helm keeps a release's revisions in ConfigMaps or Secrets; these are its own records."""

import base64
import gzip
import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import yaml

from bind_operator.policy.causes import Occasion
from bind_operator.policy.facts import Component, Revision
from bind_operator.policy.names import OPERATOR
from bind_operator.policy.objects import Object
from bind_operator.policy.shape import MANAGED, Shape


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
    def command(self) -> str:
        """Return how a person runs Helm so that it finds the records."""
        return "helm" if self is HelmDriver.SECRET else f"HELM_DRIVER={self.helm_name} helm"

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
COMPONENTS_LABEL = "bindvectorizer.dev/components"
"""It names the workloads of a revision. It is on each, since Helm's upgrade inherits all labels."""
REVISION_LABEL = "bindvectorizer.dev/revision"
"""It names the revision that it was made for. Helm's upgrade inherits all labels, so that on a revision which
somebody else makes it names an earlier one; a mark in the values would be inherited with --reuse-values."""

ROLLED_BACK = "Rollback to "
ROLLBACK_MARK = f"{OPERATOR}: "
"""Helm's rollback takes no labels. The description of one that the operator makes must begin so: then it is
the operator's also while it is pending."""

GENERATION_LABEL = "bindvectorizer.dev/generation"
CAUSE_LABEL = "bindvectorizer.dev/cause"


class RecordUnreadable(Exception):
    """A record of Helm is not what Helm writes."""


@dataclass(frozen=True)
class Record:
    """It is what the operator reads of one revision's record."""

    objects: tuple[Object, ...]
    """The objects of its manifest, in its order, as the chart made them: without what Helm adds to them."""
    is_rollback: bool
    """Whether it has chart, values and labels of an earlier revision."""
    is_marked: bool = False
    """Whether the operator itself rolled back."""


def release_labels(
    digest: str, chart: str, revision: int, occasion: Occasion, shape: Sequence[Component] = MANAGED
) -> dict[str, str]:
    """Return the labels that the operator gives `revision`, by which it knows it again without reading it.

    shape: the workloads that it has.
    """
    return {
        MANAGED_LABEL: OPERATOR,
        DIGEST_LABEL: digest,
        CHART_LABEL: chart,
        COMPONENTS_LABEL: ".".join(shape),
        REVISION_LABEL: str(revision),
        GENERATION_LABEL: str(occasion.generation),
        CAUSE_LABEL: str(occasion.cause),
    }


def release_selector(name: str) -> str:
    """Return the label selector of the records of release `name`."""
    return f"owner=helm,name={name}"


def record_name(release: str, revision: int) -> str:
    """Return the name of the record of one revision."""
    return f"sh.helm.release.v1.{release}.v{revision}"


def read_revisions(records: Sequence[Object]) -> tuple[Revision, ...]:
    """Return the revisions that `records` (metadata is enough) stand for, newest first."""
    revisions = [_revision(record["metadata"]) for record in records]
    return tuple(sorted(revisions, key=lambda revision: revision.number, reverse=True))


def _revision(metadata: Mapping[str, Any]) -> Revision:
    labels = metadata.get("labels", {})
    is_labelled = labels.get(MANAGED_LABEL) == OPERATOR
    return Revision(
        number=int(labels["version"]),
        status=labels.get("status", "unknown"),
        # An operator before this mark gave none.
        managed=is_labelled and labels.get(REVISION_LABEL, labels["version"]) == labels["version"],
        digest=labels.get(DIGEST_LABEL, ""),
        chart=labels.get(CHART_LABEL, ""),
        created_at=_seconds(metadata.get("creationTimestamp")),
        is_labelled=is_labelled,
        uid=metadata.get("uid", ""),
        generation=int(generation) if (generation := labels.get(GENERATION_LABEL, "")).isdecimal() else None,
        cause=labels.get(CAUSE_LABEL, ""),
        shape=_shape(labels.get(COMPONENTS_LABEL, "")),
    )


def _shape(text: str) -> Shape:
    """Return the workloads that a label names; an operator before it gave none."""
    names = text.split(".")
    return tuple(component for component in Component if component in names) or MANAGED


def _seconds(stamp: str | None) -> float:
    """Return a time of the API server in seconds of the epoch."""
    return datetime.fromisoformat(stamp).timestamp() if stamp else 0.0


def read_record(record: Object, driver: HelmDriver) -> Record:
    """Return what is in the object `record`. Raises RecordUnreadable."""
    try:
        content = _unpack(record, driver)
        objects = [item for item in yaml.load_all(content.get("manifest", ""), _Loader) if item]
        info = content["info"]
        described = str(info.get("description", ""))
        is_rollback = bool(info.get("rollback_revision")) or described.startswith(ROLLED_BACK)
        return Record(tuple(objects), is_rollback, described.startswith(ROLLBACK_MARK))
    except (OSError, ValueError, KeyError, TypeError, EOFError, yaml.YAMLError) as error:
        raise RecordUnreadable(f"{record['metadata']['name']} is no record of Helm: {error}") from error


def read_values(record: Object, driver: HelmDriver) -> dict[str, Any]:
    """Return the values that a revision was made with. Raises RecordUnreadable."""
    try:
        values: dict[str, Any] = _unpack(record, driver).get("config") or {}
    except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
        raise RecordUnreadable(f"{record['metadata']['name']} is no record of Helm: {error}") from error
    return values


class _Loader(yaml.CSafeLoader):
    """It reads a manifest as Helm does: a date is a text, and `1e+06` a number (so Helm writes a million)."""

    yaml_implicit_resolvers = {  # noqa: RUF012  (as its base has it)
        first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
        for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
    }


def _construct_number(loader: yaml.CSafeLoader, node: yaml.ScalarNode) -> float:
    number = float(loader.construct_scalar(node))
    # The API server takes no 1000000.0 for an integer.
    return int(number) if number.is_integer() else number


_EXPONENT = "tag:bindvectorizer.dev,2026:exponent"
_NUMBER = re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$")
_Loader.add_implicit_resolver(_EXPONENT, _NUMBER, list("-+0123456789"))
_Loader.add_constructor(_EXPONENT, _construct_number)


def _unpack(record: Object, driver: HelmDriver) -> dict[str, Any]:
    text = record["data"]["release"]
    packed = base64.b64decode(_plain(text) if driver is _SECRET else text)
    content: dict[str, Any] = json.loads(gzip.decompress(packed))
    return content


def without_kinds(
    record: Object, kinds: Collection[tuple[str, str]], driver: HelmDriver
) -> dict[str, Any] | None:
    """Return the object `record` without objects of such kinds and versions; None if it has none of them.

    Its digest is emptied: the revision is no longer what was asked for, and whoever asks again gets another.
    Raises RecordUnreadable.
    """
    read_record(record, driver)
    release = _unpack(record, driver)
    parts = re.split(r"^(?=---\s)", release["manifest"], flags=re.MULTILINE)
    kept = [part for part in parts if not _is_of(part, kinds)]
    if kept == parts:
        return None
    release["manifest"] = "".join(kept)
    labels = record["metadata"]["labels"]
    digest = {DIGEST_LABEL: ""} if DIGEST_LABEL in labels else {}
    return {
        **record,
        "metadata": record["metadata"] | {"labels": labels | digest},
        "data": {"release": _pack(release, driver)},
    }


def _is_of(part: str, kinds: Collection[tuple[str, str]]) -> bool:
    """Return whether a part of a manifest is an object of such a kind and version."""
    found = yaml.load(part, _Loader)  # noqa: S506  (a safe loader)
    return isinstance(found, dict) and (found.get("kind"), found.get("apiVersion")) in kinds


def mark_failed(record: Object, now: float, driver: HelmDriver) -> dict[str, Any]:
    """Return the object `record` with its release marked failed, so that Helm takes it up again.

    The record is changed and not removed: it names the objects that an uninstall must find.
    """
    release = _unpack(record, driver)
    release["info"] |= {"status": "failed", "description": f"interrupted; unlocked by {OPERATOR}"}
    labels = record["metadata"]["labels"] | {"status": "failed", "modifiedAt": str(int(now))}
    return {
        **record,
        "metadata": record["metadata"] | {"labels": labels},
        "data": {"release": _pack(release, driver)},
    }


def _pack(content: Mapping[str, Any], driver: HelmDriver) -> str:
    packed = base64.b64encode(gzip.compress(json.dumps(content).encode(), mtime=0))
    return (base64.b64encode(packed) if driver is _SECRET else packed).decode()


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
