"""The operator makes Secrets with keys, once each; a ConfigMap owns each for as long as it is kept."""

import base64
import hashlib
import hmac
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from bind_operator.api.authentication import OPERATOR_ENTRY
from bind_operator.api.identity import GROUP
from bind_operator.policy.facts import Key
from bind_operator.policy.names import CHART, OPERATOR
from bind_operator.policy.objects import INSTANCE_LABEL, NAME_LABEL, Object

_KEEPER = (
    "The Secret of this name goes with this ConfigMap: the operator may make Secrets and neither read nor "
    "delete them, so it deletes this, and the cluster's garbage collector the Secret."
)

_NOTED = f"{GROUP}/keys"
"""The pods of Weaviate bear it, too: they start anew where it changes."""


def keeper_of(key: Key, name: str) -> dict[str, Any]:
    """Return the ConfigMap that owns the Secret of its name."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": _metadata(key, name),
        "data": {"README": _KEEPER},
    }


def secret_of(key: Key, name: str, keeper: Object, entries: Mapping[str, str]) -> dict[str, Any]:
    """Return the Secret with these entries, owned by its keeper."""
    owner = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "name": name,
        "uid": keeper["metadata"]["uid"],
    }
    metadata = _metadata(key, name) | {"ownerReferences": [owner]}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": metadata,
        "stringData": dict(entries),
    }


def made_mark(secret: Object) -> str:
    """Return what tells a Secret that was made from one of its name before it."""
    return str(secret["metadata"]["uid"])[:8]


def noting(mark: str) -> dict[str, Any]:
    """Return the patch by which a keeper says what tells the Secret that is about to be made."""
    return {"metadata": {"annotations": {_NOTED: mark}}}


def noted_mark(keeper: Object) -> str:
    """Return what a keeper says so; "" where it says nothing."""
    return str(keeper["metadata"].get("annotations", {}).get(_NOTED, ""))


def operator_key(seed: bytes, key: Key) -> str:
    """Return the key of the operator's own user of a resource's Weaviate, which follows from `seed`."""
    digest = hmac.new(seed, f"weaviate/{key}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def weaviate_keys(token: Callable[[], str], entries: Iterable[str], own: str | None = None) -> dict[str, str]:
    """Return a key for each entry. token: gives another one at each call. own: the operator's."""
    keys = {entry: token() for entry in entries}
    return {**keys, OPERATOR_ENTRY: own} if own is not None and OPERATOR_ENTRY in keys else keys


def inference_keys(token: Callable[[], str], entries: Iterable[str]) -> dict[str, str]:
    """Return the one key that the gate shows and the server takes."""
    return dict.fromkeys(entries, token())


def _metadata(key: Key, name: str) -> dict[str, Any]:
    labels = {
        NAME_LABEL: CHART,
        INSTANCE_LABEL: key.name,
        "app.kubernetes.io/managed-by": OPERATOR,
    }
    return {"name": name, "namespace": key.namespace, "labels": labels}
