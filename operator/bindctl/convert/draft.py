"""The spec of a resource is built up field by field, in the order in which a reader looks for them."""

from collections.abc import Mapping
from typing import Any

from bind_operator.api.identity import API_VERSION, KIND

_ORDER = ("device", "gpu", "inference", "weaviate", "networkPolicy", "values")


class Draft:
    """It is the resource that is being made."""

    def __init__(self, name: str, namespace: str | None) -> None:
        """Begin with an empty spec. namespace: None leaves it to whoever applies the resource."""
        self.name = name
        self._namespace = namespace
        self._spec: dict[str, Any] = {}

    def set(self, path: str, value: object) -> None:
        """Set a field, written as people do: weaviate.storage.size. None sets nothing."""
        if value is None:
            return
        *above, last = path.split(".")
        node = self._spec
        for part in above:
            node = node.setdefault(part, {})
        node[last] = value

    def put(self, field: str, key: str, value: object) -> None:
        """Set one entry of the map at `field`; its key may have dots in it."""
        node = self._spec
        for part in field.split("."):
            node = node.setdefault(part, {})
        node[key] = value

    def drop(self, path: str) -> None:
        """Take a field out again."""
        above, _, last = path.rpartition(".")
        (self.get(above) or {}).pop(last, None)

    def get(self, path: str) -> Any:
        """Return a field, or None if it is not set."""
        node: Any = self._spec
        for part in path.split("."):
            node = node.get(part) if isinstance(node, Mapping) else None
        return node

    def manifest(self) -> dict[str, Any]:
        """Return the resource."""
        metadata = {"name": self.name} | ({"namespace": self._namespace} if self._namespace else {})
        known = {name: self._spec[name] for name in _ORDER if name in self._spec}
        return {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "metadata": metadata,
            "spec": known | {name: value for name, value in self._spec.items() if name not in known},
        }
