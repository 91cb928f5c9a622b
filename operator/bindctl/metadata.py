"""The metadata of an object is held to the API server's own rules for every kind.

Source: ValidateObjectMeta of k8s.io/apimachinery/pkg/api/validation.
"""

import re
from collections.abc import Iterator
from typing import Any

from bindctl.structure import Fault, Schema, unknown_fields, wrong_values

_TEXT: Schema = {"type": "string"}
_TEXTS: Schema = {"type": "object", "additionalProperties": _TEXT}
_FLAG: Schema = {"type": "boolean"}
_OWNER: Schema = {
    "type": "object",
    "properties": {
        **dict.fromkeys(("apiVersion", "kind", "name", "uid"), _TEXT),
        **dict.fromkeys(("controller", "blockOwnerDeletion"), _FLAG),
    },
}
SCHEMA: Schema = {
    "type": "object",
    "properties": {
        **dict.fromkeys(
            ("name", "generateName", "namespace", "selfLink", "uid", "resourceVersion", "creationTimestamp"),
            _TEXT,
        ),
        **dict.fromkeys(("labels", "annotations"), _TEXTS),
        "deletionTimestamp": _TEXT,
        "deletionGracePeriodSeconds": {"type": "integer"},
        "generation": {"type": "integer"},
        "finalizers": {"type": "array", "items": _TEXT},
        "ownerReferences": {"type": "array", "items": _OWNER},
        "managedFields": {
            "type": "array",
            "items": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        },
    },
}
"""The fields of ObjectMeta; a definition of a resource may not have a schema of it."""

_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_PART = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_MAX_SUBDOMAIN, _MAX_LABEL = 253, 63
_MAX_ANNOTATIONS = 256 * 1024
_MADE_LETTERS = "x" * 5
"""The API server adds so many letters to `generateName`, and cuts it so that they fit a label."""


def judge_metadata(metadata: Any) -> Iterator[Fault]:
    """Yield what the API server refuses in `metadata`, each with its path in it."""
    if not isinstance(metadata, dict):
        yield Fault((), "must be a map; set name in it")
        return
    unknown = list(unknown_fields(metadata, SCHEMA))
    metadata = {key: _as_read(value) for key, value in metadata.items() if value is not None}
    wrong = [*unknown, *wrong_values(metadata, SCHEMA)]
    yield from wrong
    if not wrong:
        yield from _judge_names(metadata)
        yield from _judge_labels(metadata)


def name_of(metadata: Any) -> str:
    """Return the name that an object with this metadata gets, or one as long as it; "" for none."""
    if not isinstance(metadata, dict):
        return ""
    name, begin = metadata.get("name"), metadata.get("generateName")
    if name:
        return str(name)
    return f"{str(begin)[: _MAX_LABEL - len(_MADE_LETTERS)]}{_MADE_LETTERS}" if begin else ""


def _as_read(value: Any) -> Any:
    """Return a part of the metadata as Go reads it: a null in a map or a list of texts is an empty one."""
    if isinstance(value, dict):
        return {key: "" if one is None else one for key, one in value.items()}
    return ["" if one is None else one for one in value] if isinstance(value, list) else value


def _judge_names(metadata: dict[str, Any]) -> Iterator[Fault]:
    if not name_of(metadata):
        yield Fault(("name",), "is required; set it")
    # The API server judges `generateName` also where a name is set, and lets it end with a dash.
    begin = re.sub("-$", "a", metadata.get("generateName") or "")
    for field, name in (("name", metadata.get("name")), ("generateName", begin)):
        if name and (len(name) > _MAX_SUBDOMAIN or not _SUBDOMAIN.fullmatch(name)):
            yield Fault(
                (field,),
                f"{metadata[field]!r} must be of a-z, 0-9, '-' and '.', with a letter or digit at both ends",
            )
    namespace = metadata.get("namespace") or "default"
    if len(namespace) > _MAX_LABEL or not _LABEL.fullmatch(namespace):
        yield Fault(
            ("namespace",), f"{namespace!r} must be of a-z, 0-9 and '-', at most {_MAX_LABEL} characters"
        )


def _judge_labels(metadata: dict[str, Any]) -> Iterator[Fault]:
    labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
    for field, names in (("labels", labels), ("annotations", annotations)):
        for name in names:
            # Names of annotations may be in capitals: the API server judges them in small letters.
            if not _is_qualified(name if field == "labels" else name.lower()):
                yield Fault((field, name), "is no name for one; write it as name or prefix.example.com/name")
    for name, value in labels.items():
        if value and (len(value) > _MAX_LABEL or not _PART.fullmatch(value)):
            yield Fault(
                ("labels", name),
                f"must be at most {_MAX_LABEL} of A-Z, a-z, 0-9, '-', '_' and '.', with a letter or digit at "
                "both ends",
            )
    for index, name in enumerate(metadata.get("finalizers") or []):
        if not _is_qualified(name):
            yield Fault(("finalizers", index), "is no name for one; write it as prefix.example.com/name")
    size = sum(len(key.encode()) + len(value.encode()) for key, value in annotations.items())
    if size > _MAX_ANNOTATIONS:
        yield Fault(
            ("annotations",), f"must have at most {_MAX_ANNOTATIONS:,} bytes, not {size:,}; shorten them"
        )


def _is_qualified(name: str) -> bool:
    prefix, slash, last = name.rpartition("/")
    if slash and (len(prefix) > _MAX_SUBDOMAIN or not _SUBDOMAIN.fullmatch(prefix)):
        return False
    return len(last) <= _MAX_LABEL and _PART.fullmatch(last) is not None
