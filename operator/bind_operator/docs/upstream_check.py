"""A checkout of upstream's chart is compared with the list of its keys in ours, files/upstream.yaml.

`python -m bind_operator.docs.upstream_check CHECKOUT`; then write the verdict, and `make generate` the page.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import yaml

from bind_operator.docs.generate import read_upstream
from bind_operator.docs.upstream_values import Upstream, families, is_covered

OUR_CHART = "weaviate-bind"
CHART = Path("weaviate")
"""The folder of the chart in a checkout."""

UNLISTED = frozenset(
    {
        "authentication.apikey",
        "authentication.oidc",
        "authorization.rbac",
        "authorization.admin_list",
        "modules.multi2vec-bind.affinity",
    }
)
"""Upstream documents what is below these in comments, or reads it in a template alone."""


def differences(checkout: Path, upstream: Upstream) -> list[str]:
    """Return what the list of keys lacks, and what it has too much, each in a sentence."""
    version = yaml.safe_load((checkout / CHART / "Chart.yaml").read_text(encoding="utf-8"))["version"]
    values = yaml.safe_load((checkout / CHART / "values.yaml").read_text(encoding="utf-8"))
    lacking = [f"{'.'.join(path)} is not in it" for path in _leaves(values) if not is_covered(path, upstream)]
    theirs = [
        *upstream.keys,
        *upstream.shared,
        *chain(*(family.paths for family in families(upstream) if not family.says.startswith("Only here"))),
    ]
    gone = [f"{path} is not upstream's any more" for path in theirs if not _is_there(path, values)]
    other = [f"it is about version {upstream.version}, and this is {version}"] * (upstream.version != version)
    return [*other, *lacking, *gone]


def _leaves(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if isinstance(node, Mapping) and node:
        for key, child in node.items():
            yield from _leaves(child, (*path, str(key)))
    else:
        yield path


def _is_there(path: str, values: Any) -> bool:
    """Return whether upstream has `path`; of its servers one has to, as their keys differ."""
    if any(path.startswith(place) for place in UNLISTED):
        return True
    *above, last = path.split(".")
    if path.startswith("modules.") and last in _server_keys(values):
        return True
    node = values
    for key in (*above, last):
        if not isinstance(node, Mapping) or key not in node:
            return False
        node = node[key]
    return True


def _server_keys(values: Mapping[str, Any]) -> set[str]:
    modules = (module for module in values["modules"].values() if isinstance(module, Mapping))
    return {key for module in modules if "repo" in module for key in module}


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit status: 1 if something differs."""
    parser = argparse.ArgumentParser(prog="python -m bind_operator.docs.upstream_check", description=__doc__)
    parser.add_argument("checkout", type=Path, help="a checkout of github.com/weaviate/weaviate-helm")
    checkout: Path = parser.parse_args(arguments).checkout
    upstream = read_upstream(OUR_CHART)
    found = differences(checkout, upstream) if upstream else ["the chart has no such list"]
    sys.stdout.writelines(f"{line}\n" for line in found)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
