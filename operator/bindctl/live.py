"""Values that are rendered now are compared with those of a cluster; what came from Secrets is masked."""

import difflib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import yaml

from bind_operator.api.delivery import Delivery, SourceKind
from bind_operator.offline import render_one
from bind_operator.release.yaml_text import to_yaml
from bind_operator.settings import Settings
from bindctl.rendering import NOTHING, Rendered

Path = tuple[str, ...]
_MASK = "***"


class Live(Protocol):
    """It is what a cluster can be asked."""

    def rendered_values(self, namespace: str, name: str) -> str | None:
        """Return the text of the ConfigMap of the values; None if there is none."""

    def release_values(self, namespace: str, name: str) -> dict[str, Any] | None:
        """Return the values of the release; None if there is none."""


@dataclass(frozen=True)
class Difference:
    """It is what an apply would change of one resource's values; empty where nothing."""

    path: str
    text: str


def compare(manifest: Mapping[str, Any], rendered: Rendered, cluster: Live, settings: Settings) -> Difference:
    """Return what differs between the values of a cluster and those that are rendered now."""
    spec = manifest.get("spec") or {}
    now: Any = yaml.safe_load(rendered.text)
    if spec.get("delivery") == Delivery.RENDER:
        text = cluster.rendered_values(rendered.namespace, rendered.name)
        before = None if text is None else yaml.safe_load(text)
    else:
        before = cluster.release_values(rendered.namespace, rendered.name)
    if any(source.get("kind") == SourceKind.SECRET for source in spec.get("valuesFrom") or ()):
        before, now = _masked(before, now, _open_paths(manifest, settings))
    return Difference(rendered.path, _unified(rendered.path, before, now))


def _unified(path: str, before: Any, now: Any) -> str:
    # Helm sorts what it stores, so both are sorted.
    sides = ["" if one is None else to_yaml(_sorted(one)) for one in (before, now)]
    old, new = (side.splitlines(keepends=True) for side in sides)
    head = NOTHING if before is None else f"live/{path}"
    return "".join(difflib.unified_diff(old, new, head, f"now/{path}"))


def _sorted(value: Any) -> Any:
    return json.loads(json.dumps(value, sort_keys=True))


def _open_paths(manifest: Mapping[str, Any], settings: Settings) -> set[Path]:
    """Return the paths of the values that no layer may set, and so no Secret."""
    spec = {key: value for key, value in manifest["spec"].items() if key not in ("values", "valuesFrom")}
    base = yaml.safe_load(render_one({**manifest, "spec": spec}, [], settings))
    return {path for path, _ in _leaves(base)}


def _masked(before: Any, now: Any, open_paths: set[Path]) -> tuple[Any, Any]:
    old, new = (dict(_leaves(side or {})) for side in (before, now))
    hidden = {path for path in {*old, *new} if path not in open_paths}
    differing = {path for path in hidden if old.get(path) != new.get(path)}
    return (
        None if before is None else _mask(before, (), hidden, differing, f"{_MASK} (live)"),
        _mask(now, (), hidden, differing, f"{_MASK} (now)"),
    )


def _mask(node: Any, path: Path, hidden: set[Path], differing: set[Path], mark: str) -> Any:
    if path in hidden:
        return mark if path in differing else _MASK
    if isinstance(node, Mapping):
        return {key: _mask(child, (*path, key), hidden, differing, mark) for key, child in node.items()}
    return node


def _leaves(node: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield each value that is no map of values, with its path."""
    if isinstance(node, Mapping) and node:
        for key, child in node.items():
            yield from _leaves(child, (*path, str(key)))
    else:
        yield path, node
