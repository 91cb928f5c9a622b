"""Resources of files and folders are rendered to their values, and compared with what was rendered before."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bind_operator.api.identity import KIND
from bind_operator.errors import OperatorError
from bind_operator.offline import render_objects, render_one
from bind_operator.policy.names import rendered_name
from bind_operator.release.chart import ChartUnreadable
from bind_operator.settings import Settings
from bindctl.sources import Broken, Manifest

DEFAULT_NAMESPACE = "default"
NOTHING = "/dev/null"
"""By this name a diff calls a file that is not there."""


@dataclass(frozen=True)
class Rendered:
    """It is the values file of one resource, or that of its manifests."""

    namespace: str
    name: str
    text: str
    what: str = "values"

    @property
    def path(self) -> str:
        """The file lies below a folder by namespace, under the name of the operator's ConfigMap."""
        return f"{self.namespace}/{rendered_name(self.name, self.what)}.yaml"


def is_resource(data: object) -> bool:
    """Return whether an object is a BindVectorizer, by its kind."""
    return isinstance(data, Mapping) and data.get("kind") == KIND


def render_all(
    manifests: Sequence[Manifest], settings: Settings, *, what: str = "values"
) -> Iterator[Rendered | Broken]:
    """Yield the values (or manifests) of each BindVectorizer, in their order, or why there are none.

    What a resource's `spec.valuesFrom` names may stand in any of the sources.
    """
    objects = [data for one in manifests if isinstance(data := one.data, Mapping)]
    for manifest in manifests:
        data = manifest.data
        if not is_resource(data):
            continue
        try:
            text = (render_one if what == "values" else render_objects)(data, objects, settings)
        except (OperatorError, ChartUnreadable) as error:
            yield from (Broken(manifest.source, manifest.line, line) for line in str(error).splitlines())
            continue
        metadata = data["metadata"]
        yield Rendered(metadata.get("namespace") or DEFAULT_NAMESPACE, metadata["name"], text, what)


def write_below(folder: Path, rendered: Sequence[Rendered]) -> None:
    """Write each values file; what else is in the folder stays. Raises OSError."""
    for one in rendered:
        path = folder / one.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(one.text, encoding="utf-8")


def differences(folder: Path, rendered: Sequence[Rendered], *, what: str = "values") -> dict[str, str]:
    """Return unified diffs from the files of values (or manifests) in `folder` to those now, by path.

    There is none of what is the same. A resource that was not there is new, and a file of none that is
    there is gone. Raises OSError.
    """
    now = {one.path: one.text for one in rendered}
    before = {
        str(path.relative_to(folder)): path.read_text(encoding="utf-8")
        for path in sorted(folder.glob(f"*/{rendered_name('*', what)}.yaml"))
    }
    found: dict[str, str] = {}
    for path in sorted({*now, *before}):
        old, new = before.get(path), now.get(path)
        lines = difflib.unified_diff(
            (old or "").splitlines(keepends=True),
            (new or "").splitlines(keepends=True),
            NOTHING if old is None else f"before/{path}",
            NOTHING if new is None else f"now/{path}",
        )
        if text := "".join(lines):
            found[path] = text
    return found
