"""Our version and Weaviate's: one place says each, and every place that repeats it is listed here. Pure.

Images are made of the sources alone, without a package's metadata, and charts are read by Helm; so neither
can look it up.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bind_local.errors import LocalError

SOURCE = "pyproject.toml"
_PLAIN = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")


@dataclass(frozen=True)
class Place:
    """A place of a version: a file or a pattern of files, and an expression whose one group it is."""

    files: str
    expression: str

    def found(self, text: str) -> list[str]:
        """Return each version in a file's text."""
        return re.findall(self.expression, text, re.MULTILINE)

    def rewritten(self, text: str, version: str) -> str:
        """Return a file's text with another version."""

        def replaced(match: re.Match[str]) -> str:
            whole, start = match.group(), match.start()
            return whole[: match.start(1) - start] + version + whole[match.end(1) - start :]

        return re.sub(self.expression, replaced, text, flags=re.MULTILINE)


PROJECT = Place(SOURCE, r'^version = "([^"]*)"$')
COPIES = (
    Place("operator/bind_operator/__init__.py", r'^__version__ = "([^"]*)"$'),
    Place("inference/bind_inference/__init__.py", r'^__version__ = "([^"]*)"$'),
    Place("charts/bind-operator/Chart.yaml", r"^version: (\S+)$"),
    Place("charts/bind-operator/Chart.yaml", r'^appVersion: "([^"]*)"$'),
    # Its appVersion is Weaviate's.
    Place("charts/weaviate-bind/Chart.yaml", r"^version: (\S+)$"),
    Place("docs/**/*.md", r"ghcr\.io/bindvectorizer/bind-inference:(\w[\w.]*)"),
    Place("docs/**/*.md", r"manifests\?ref=v([\d.]+)"),
    Place("manifests/gitops/flux/source.yaml", r"^    tag: v(\S+)$"),
    Place("manifests/gitops/argocd/*.yaml", r"^    targetRevision: v(\S+)$"),
)
WEAVIATE_COPIES = (
    Place("operator/bind_operator/api/spec.py", r'^    version: Text = Field\("([^"]*)", description="V'),
    Place("charts/weaviate-bind/Chart.yaml", r'^appVersion: "([^"]*)"$'),
    Place("charts/weaviate-bind/values.yaml", r"^  # -- \(tag\) Tag of the Weaviate image\n  tag: (\S+)$"),
    Place("manifests/samples/air-gap.yaml", r"^  weaviate:\n    version: (\S+)$"),
    Place("docs/how-to/upgrade.md", r'"weaviate":\{"version":"([^"]*)"'),
    Place("README.md", r"^\| Weaviate's version \| (\S+), yours to set \|"),
    Place("README.md", r"weaviate/blob/v([\d.]+)/LICENSE"),
    Place("README.md", r"^\| Weaviate \| .*, ([\d.]+) by default;"),
)
"""The default is the pin of local/go/weaviate: what is built here is what the tests run."""


def parsed(version: str) -> tuple[int, ...]:
    """Return the numbers of a version. Raises LocalError unless it is three numbers with dots between."""
    match = _PLAIN.fullmatch(version)
    if match is None:
        raise LocalError(f"{version!r} is not a version", "give three numbers, such as VERSION=0.2.0")
    return tuple(map(int, match.groups()))


def current(project: str) -> str:
    """Return the version in the text of pyproject.toml. Raises LocalError if it has none, or several."""
    found = PROJECT.found(project)
    if len(found) != 1:
        raise LocalError(f"{SOURCE} holds {len(found)} lines `version = …`", "leave one, in [project]")
    return found[0]


def updates(
    texts: Callable[[str], Mapping[str, str]], version: str, copies: Sequence[Place] = COPIES
) -> dict[str, str]:
    """Return the new text, by its path, of each file whose copies differ from `version`.

    texts: returns the files of a pattern. Raises LocalError for a place where there is no version any more.
    """
    changed: dict[str, str] = {}
    for place in copies:
        files = texts(place.files)
        if not any(map(place.found, files.values())):
            raise LocalError(
                f"{place.files} holds no version that matches {place.expression}",
                "correct the place in local/bind_release/version.py, or take it from the list",
            )
        for path, text in files.items():
            after = place.rewritten(changed.get(path, text), version)
            if after != text:
                changed[path] = after
    return changed
