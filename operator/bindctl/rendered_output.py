"""Rendered values and their differences are printed as text, or as JSON for a program."""

import json
from collections.abc import Sequence

from bindctl.live import Difference
from bindctl.rendering import Rendered


def rendered_output(rendered: Sequence[Rendered], output: str) -> str:
    """Return the values of each resource. output: text or json."""
    if output == "json":
        resources = [{"namespace": one.namespace, "name": one.name, "values": one.text} for one in rendered]
        return json.dumps({"resources": resources}, indent=2, ensure_ascii=False) + "\n"
    return "---\n".join(one.text for one in rendered)


def difference_output(differences: Sequence[Difference], output: str) -> str:
    """Return what differs. output: text or json."""
    changed = [one for one in differences if one.text]
    if output == "json":
        told = [{"namespace": one.namespace, "name": one.name, "diff": one.text} for one in changed]
        return json.dumps({"differences": told}, indent=2, ensure_ascii=False) + "\n"
    return "".join(one.text for one in changed)
