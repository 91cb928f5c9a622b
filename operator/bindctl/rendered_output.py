"""Rendered values and their differences are printed as text, or as JSON for a program."""

import json
from collections.abc import Mapping, Sequence

from bindctl.live import Difference
from bindctl.rendering import Rendered


def rendered_output(rendered: Sequence[Rendered], output: str) -> str:
    """Return the values, or the manifests, of each resource. output: text or json."""
    if output == "json":
        resources = [{"namespace": one.namespace, "name": one.name, one.what: one.text} for one in rendered]
        return json.dumps({"resources": resources}, indent=2, ensure_ascii=False) + "\n"
    # Manifests begin with a mark of their own.
    return "".join(
        one.text if index == 0 or one.what == "manifests" else f"---\n{one.text}"
        for index, one in enumerate(rendered)
    )


def difference_output(differences: Sequence[Difference], output: str) -> str:
    """Return what differs from a cluster. output: text or json."""
    return diffs_output({one.path: one.text for one in differences if one.text}, output)


def diffs_output(diffs: Mapping[str, str], output: str) -> str:
    """Return unified diffs. diffs: each by its path, NAMESPACE/NAME-values.yaml."""
    if output == "json":
        told = [{"file": path, "diff": text} for path, text in diffs.items()]
        return json.dumps({"differences": told}, indent=2, ensure_ascii=False) + "\n"
    return "".join(diffs.values())
