"""Other modules of Weaviate are enabled in the resource where it, or the chart, knows them."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from bind_operator.api.modules import KEYLESS, ModuleName
from bind_operator.goyaml import Path
from bind_operator.release.chart import load_chart
from bind_operator.settings import Settings
from bindctl.convert.draft import Draft
from bindctl.convert.reading import Reading

MODULE = "multi2vec-bind"
_FIELD = "weaviate.modules"
_SERVERS = frozenset(
    {
        "img2vec-neural",
        "multi2vec-clip",
        "ner-transformers",
        "qna-transformers",
        "reranker-transformers",
        "sum-transformers",
        "text-spellcheck",
        "text2vec-contextionary",
        "text2vec-gpt4all",
        "text2vec-model2vec",
        "text2vec-transformers",
    }
)
"""Each asks a server of its own; all others of Weaviate ask somebody's API, and are on."""
_KEYS = {"apiKey": "{}_APIKEY", "token": "{}_TOKEN"}
_NAMES = {"friendliai": "FRIENDLI"}


def enable_module(draft: Draft, reading: Reading, place: Path, module: str) -> None:
    """Enable a module, or say what becomes of it."""
    if module == MODULE or module.startswith("backup-"):
        return
    if module in set(ModuleName):
        named = draft.get(_FIELD) or []
        draft.set(_FIELD, [*named, {"name": module}])
    elif module in _SERVERS or module.startswith(("offload-", "usage-", "export-")):
        reading.lose(
            place, f"the module {module} has no counterpart; collections that use it stay where they are"
        )
    elif module in _of_chart():
        draft.put(f"values.modules.{module}", "enabled", True)
    else:
        reading.advise(place, f"the module {module} is on in any case, because it only asks an API")


def read_module(draft: Draft, reading: Reading, name: str, section: Mapping[str, Any]) -> None:
    """Enable a module of upstream's values, by the server that it names or the API whose key it has."""
    at = ("modules", name)
    if name in _SERVERS and section.get("inferenceUrl") and not section.get("enabled"):
        draft.put(f"values.modules.{name}", "inferenceUrl", section["inferenceUrl"])
    else:
        enable_module(draft, reading, at, name)
    for field, pattern in _KEYS.items():
        if section.get(field):
            provider = name.rpartition("-")[2]
            variable = pattern.format(_NAMES.get(provider, provider.upper()))
            reading.tick(*at, field)
            _set_key(draft, reading, (*at, field), name, variable)
    for field in ("enabled", "inferenceUrl"):
        reading.tick(*at, field)


def keep_secret(draft: Draft, reading: Reading, place: Path, name: str) -> None:
    """Let a variable come from a Secret, which somebody has to make: no secret stands in a resource."""
    draft.put("values.envSecrets", name, _tell_of_secret(draft, reading, place, name))


def _set_key(draft: Draft, reading: Reading, place: Path, module: str, variable: str) -> None:
    """Give a module its key: by its own field where it has one."""
    if module not in set(ModuleName) or module in KEYLESS:
        keep_secret(draft, reading, place, variable)
        return
    key = {"name": _tell_of_secret(draft, reading, place, variable), "key": variable}
    named = draft.get(_FIELD) or []
    draft.set(_FIELD, [one | {"apiKey": key} if one["name"] == module else one for one in named])


def _tell_of_secret(draft: Draft, reading: Reading, place: Path, entry: str) -> str:
    secret = f"{draft.name}-env"
    reading.advise(
        place,
        f"no secret stands in a resource; put it into the entry {entry} of a Secret: "
        f"kubectl create secret generic {secret} --from-file={entry}=FILE",
    )
    return secret


@cache
def _of_chart() -> frozenset[str]:
    """Return the modules that the chart's values know."""
    schema = load_chart(Settings().chart_dir).schema
    return frozenset(schema["properties"]["modules"]["properties"])
