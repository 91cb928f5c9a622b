"""Values, schema and templates say the same: each value is described, in the schema, and read."""

import json
import re
from typing import Any

import jsonschema
import pytest

from support.charts import CHARTS, helm, refusal
from support.values import at, described, groups, in_schema, leaves, taken, values


def test_every_value_is_described_and_its_default_fits(chart: str) -> None:
    for value in described(chart):
        node = in_schema(chart, value.path)
        assert node["description"] == value.description
        jsonschema.validate(value.default, node)


def test_the_schema_knows_the_values_and_no_others(chart: str) -> None:
    for path in groups(chart):
        own = set(at(values(chart), path))
        # Helm adds `global` by itself.
        more = {"global"} | {place[-1] for place in taken(chart) if place[:-1] == path}
        assert set(in_schema(chart, path)["properties"]) - more == own - more, path
        assert own <= set(in_schema(chart, path)["properties"]), path


def test_a_typo_is_refused_by_its_name(chart: str) -> None:
    for path in groups(chart):
        message = refusal(chart, "--set", ".".join((*path, "tpyo=1")))
        assert "tpyo" in message, path
        assert "not allowed" in message


def test_every_value_is_read_by_a_template(chart: str) -> None:
    scenarios = sorted((CHARTS / chart / "ci").glob("*-values.yaml"))
    before = {path: _render(chart, path, None) for path in scenarios}
    unread = []
    for path, value in leaves(values(chart)):
        tree: Any = _changed(value)
        for key in reversed(path):
            tree = {key: tree}
        reads = (scenario for scenario in scenarios if _render(chart, scenario, tree) != before[scenario])
        found = next(reads, None)
        if found is None:
            unread.append(".".join(path))
        else:
            # The value below it is mostly read by the same one, and each render takes its time.
            scenarios.sort(key=lambda scenario: scenario != found)
    assert unread == []


def _render(chart: str, scenario: Any, tree: Any) -> str:
    arguments = ["template", "x", CHARTS / chart, "--skip-schema-validation", "--values", scenario]
    for key, value in (tree or {}).items():
        arguments += ["--set-json", f"{key}={json.dumps(value)}"]
    done = helm(*arguments)
    # A refusal is an answer too: the value was read.
    return done.stdout + done.stderr


def _changed(value: Any) -> Any:
    """Return another value of the same kind."""
    match value:
        case bool():
            return not value
        case int():
            return value + 1
        case list():
            return [{"name": "changed", "value": "changed"}]
        case dict():
            return {"CHANGED": "changed"}
        case str() if re.fullmatch(r"[0-9.]+[A-Za-z]*", value):
            return re.sub(r"^[0-9.]+", "77", value)
        case _:
            return "http://changed"


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("gate.port=8182", "gate.port, gate.healthPort and gate.large.healthPort are not three ports"),
        ("modules.multi2vec-bind.enabled=false", "inferenceUrl must be the http:// or https:// address"),
        ("modules.multi2vec-bind.inferenceUrl=https://x/", "inferenceUrl"),
        ("modules.multi2vec-bind.autoscaling.minReplicas=9", None),
        ("storage.retentionPolicy=Recycle", "retentionPolicy"),
        ("storage.size=big", "size"),
        ("gate.tryDuration=20", "tryDuration"),
        ("modules.multi2vec-bind.model.weights.sha256=abc", "sha256"),
        ("modules.multi2vec-bind.model.precision=float8", "precision"),
        ("modules.multi2vec-bind.model.precision=float16", "float16, which needs envconfig.enable_cuda"),
        ("modules.multi2vec-bind.model.weights.existingClaim.name=A_B", "existingClaim"),
        ("modules.multi2vec-bind.model.weights.existingClaim.path=/x", "path"),
        ("modules.multi2vec-bind.model.weights.existingClaim.path=x", "without existingClaim.name"),
        ("modules.multi2vec-bind.model.weights.image.path=a/../../b", "path"),
        ("modules.multi2vec-bind.model.weights.image.path=x", "without image.reference"),
        ("modules.multi2vec-bind.model.weights.image.pullPolicy=Maybe", "pullPolicy"),
    ],
)
def test_a_wrong_value_is_refused_by_its_name(setting: str, message: str | None) -> None:
    tiny = ("--set", "modules.multi2vec-bind.model.name=Tiny", "--set", setting)
    if message is None:
        tiny = (*tiny, "--set", "modules.multi2vec-bind.autoscaling.enabled=true")
    assert (message or "minReplicas is above maxReplicas") in refusal("weaviate-bind", *tiny)
