"""v1alpha1 grows without loss: what could be written before can be written still, and means the same."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from bind_operator.api import parse_resource
from bind_operator.api.crd import build_crd

EARLIER = Path(__file__).parents[3] / "support" / "earlier"
Schema = dict[str, Any]
Path_ = tuple[str, ...]

NARROWER = ("maximum", "maxLength", "maxItems", "maxProperties")
WIDER = ("minimum", "minLength", "minItems", "minProperties")


def spec_of(definition: Any) -> Schema:
    (version,) = definition["spec"]["versions"]
    found: Schema = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
    return found


BEFORE = spec_of(yaml.safe_load((EARLIER / "crds.yaml").read_text(encoding="utf-8")))
NOW = spec_of(build_crd())
SAMPLES = list(yaml.safe_load_all((EARLIER / "samples.yaml").read_text(encoding="utf-8")))


def losses(before: Schema, now: Schema | None, path: Path_ = ("spec",)) -> Iterator[str]:
    """Yield what an object that fits `before` may lose, or be refused for, under `now`."""
    where = ".".join(path)
    if now is None:
        yield f"{where} is gone"
        return
    if before.get("type") != now.get("type"):
        yield f"{where} was {before.get('type')} and is {now.get('type')}"
    if "enum" in before and set(before["enum"]) - set(now.get("enum", before["enum"])):
        yield f"{where} lost {set(before['enum']) - set(now['enum'])}"
    for keys, is_stricter, words in ((NARROWER, _is_below, "lower"), (WIDER, _is_above, "higher")):
        changed = (key for key in keys if is_stricter(now.get(key), before.get(key)))
        yield from (f"{where}: {key} is new or {words}" for key in changed)
    if "pattern" in now and now["pattern"] != before.get("pattern"):
        yield f"{where} has another pattern"
    if new := set(now.get("required", ())) - set(before.get("required", ())):
        yield f"{where} requires {new}"
    if before.get("default") != now.get("default"):
        yield f"{where} has another default"
    for name, child in before.get("properties", {}).items():
        yield from losses(child, now.get("properties", {}).get(name), (*path, name))
    for key in ("items", "additionalProperties"):
        if isinstance(before.get(key), dict):
            yield from losses(before[key], now.get(key), (*path, f"<{key}>"))


def _is_below(new: float | None, old: float | None) -> bool:
    """Return whether an upper bound is stricter than before; None is no bound."""
    return new is not None and (old is None or new < old)


def _is_above(new: float | None, old: float | None) -> bool:
    """Return whether a lower bound is stricter than before; None is no bound."""
    return new is not None and (old is None or new > old)


def test_nothing_that_could_be_written_before_is_lost() -> None:
    assert list(losses(BEFORE, NOW)) == []


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        ({"properties": {"a": {}}}, {"properties": {}}, "spec.a is gone"),
        ({"type": "string"}, {"type": "integer"}, "spec was string and is integer"),
        ({"enum": ["a", "b"]}, {"enum": ["a"]}, "spec lost {'b'}"),
        ({"maximum": 5}, {"maximum": 4}, "maximum is new or lower"),
        ({}, {"maxItems": 4}, "maxItems is new or lower"),
        ({}, {"minimum": 1}, "minimum is new or higher"),
        ({}, {"pattern": "a"}, "another pattern"),
        ({}, {"required": ["a"]}, "requires {'a'}"),
        ({"default": 1}, {"default": 2}, "another default"),
        ({"items": {"properties": {"a": {}}}}, {"items": {"properties": {}}}, "spec.<items>.a is gone"),
    ],
)
def test_each_loss_is_seen(before: Schema, now: Schema, said: str) -> None:
    assert said in "\n".join(losses(before, now))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample["metadata"]["name"])
def test_an_earlier_sample_is_valid_still(sample: dict[str, Any]) -> None:
    parse_resource(sample)
