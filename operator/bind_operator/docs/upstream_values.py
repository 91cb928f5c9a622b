"""Upstream's values, weaviate-helm's: the schema takes those that ours has not, and a page compares both.

The author is the chart's files/upstream.yaml, which the templates read, too.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from bind_operator.docs.chart_values import ChartValue

UPSTREAM_FILE = "files/upstream.yaml"

_ACTS = {"Same": "Same", "Named": "Named", "Unused": "Not here", "Refused": "Refused"}

INTRODUCTION = """\
# Values of upstream's chart and of ours

A values file for [weaviate-helm](https://github.com/weaviate/weaviate-helm) {version} that
turns `modules.multi2vec-bind` on works in chart weaviate-bind as it is. This is each key of both, and what
ours does with it:

- Same: what upstream's chart does, or the variable by which Weaviate is told the same;
- Named: there is nothing for it here; the notes of `helm install` say so, and what is in its place;
- Not here: it says more of such a key, or of a server that upstream's chart runs itself;
- Refused, where it is set and turned on: the message says what to write.

What a file does not say is as in [our defaults](../../charts/weaviate-bind/values.yaml), which are not
upstream's: Services of type ClusterIP, requests and limits, a security context, a probe of the start, network
policies.
"""


@dataclass(frozen=True)
class Upstream:
    """It is what the chart says of upstream's values."""

    version: str
    api: Mapping[str, Mapping[str, str]]
    servers: Mapping[str, str]
    server_keys: Sequence[str]
    keys: Mapping[str, Mapping[str, str]]
    shared: Mapping[str, str]


@dataclass(frozen=True)
class Family:
    """Several modules have one key, of which the same is to be said."""

    modules: Sequence[str]
    key: str
    type: str
    says: str
    group: str = "modules"

    @property
    def paths(self) -> tuple[str, ...]:
        """Each module's key."""
        return tuple(f"{self.group}.{module}.{self.key}" for module in self.modules)


def parse_upstream(content: Mapping[str, Any]) -> Upstream:
    """Return what a parsed files/upstream.yaml says."""
    fields = {"server_keys": "serverKeys"}
    names = ("version", "api", "servers", "server_keys", "keys", "shared")
    return Upstream(**{name: content[fields.get(name, name)] for name in names})


def taken_values(upstream: Upstream) -> tuple[ChartValue, ...]:
    """Return the values that the chart takes beside its own, for its schema."""
    single = (
        ChartValue(
            tuple(path.split(".")), None, key["type"], f"Upstream's. {_ACTS[key['does']]}: {key['says']}"
        )
        for path, key in upstream.keys.items()
    )
    several = (
        ChartValue(tuple(path.split(".")), None, family.type, family.says)
        for family in families(upstream)
        for path in family.paths
    )
    return tuple(chain(single, several))


def families(upstream: Upstream) -> Iterator[Family]:
    """Yield the keys of other modules, each with all modules that have it."""
    yield Family(tuple(upstream.api), "enabled", "boolean", "Same: the module is turned on")
    for key in ("apiKey", "azureApiKey", "token"):
        modules = [name for name, keys in upstream.api.items() if key in keys]
        yield Family(
            modules, key, "name or empty", "Refused: a key as text; name its Secret in existingSecret"
        )
    keyed = [name for name, keys in upstream.api.items() if keys]
    yield Family(
        keyed, "existingSecret", "name or empty", "Only here: the Secret that holds the key of the API"
    )
    yield Family(
        keyed, "key", "name or empty", "Only here: its entry of that Secret; empty: the variable's name"
    )
    aws = [name for name in upstream.api if name.endswith("-aws")]
    yield Family(
        aws, "secrets", "map of texts or nothing", "Refused: keys as text; name a Secret in envSecrets"
    )
    yield Family(aws, "envSecrets", "secrets of variables", "Same: environment of Weaviate from Secrets")
    servers = tuple(upstream.servers)
    yield Family(
        servers, "enabled", "boolean", "Refused: no server of it runs here; name one in inferenceUrl"
    )
    yield Family(servers, "inferenceUrl", "anything", "Same: the address of its server elsewhere")
    for key in upstream.server_keys:
        says = "passage and query: as inferenceUrl" if key == "passageQueryServices" else "Not here"
        yield Family(servers, key, "anything", says)
    for key, kind in (("enabled", "boolean"), ("spec", "object")):
        yield Family(servers, key, kind, "Not here: there is no such server", "podDisruptionBudgets")


def is_covered(path: Sequence[str], upstream: Upstream) -> bool:
    """Return whether something is said of upstream's key at `path`, or of one above it."""
    known = {*upstream.keys, *upstream.shared, *chain(*(family.paths for family in families(upstream)))}
    return any(".".join(path[:size]) in known for size in range(len(path), 0, -1))


def build_upstream_page(values: Sequence[ChartValue], upstream: Upstream) -> str:
    """Return the page that compares the charts as Markdown. values: those of ours."""
    own = [(value.name, upstream.shared.get(value.name, "Only here")) for value in values]
    theirs = [(path, f"{_ACTS[key['does']]}: {key['says']}") for path, key in upstream.keys.items()]
    several = [
        f"| {'podDisruptionBudgets' if family.group != 'modules' else 'modules'} | "
        f"{', '.join(f'`{name}`' for name in family.modules)} | `{family.key}` | {family.says} |"
        for family in families(upstream)
    ]
    rows = "\n".join(f"| `{name}` | {says} |" for name, says in sorted([*own, *theirs]))
    return (
        f"{INTRODUCTION.format(version=upstream.version)}\n## Keys\n\n| Key | Here |\n|---|---|\n{rows}\n\n"
        "## Keys of other modules\n\n| Below | Of each of | Key | Here |\n|---|---|---|---|\n"
        + "\n".join(several)
        + "\n"
    )
