"""Values of the user's over those of the operator."""

import json
from typing import Any

import pytest
import yaml

from bind_operator.api import parse_resource
from bind_operator.errors import InvalidValues
from bind_operator.release.chart import load_chart
from bind_operator.release.layers import Layer, build_layer, digest_of, masked, merge, read_layer, secrets_of
from bind_operator.release.owned import FIELDS, OPERATORS_OWN, SHARED
from bind_operator.release.values import RenderedValues, render_values
from bind_operator.settings import Images
from support.charts import CHARTS
from support.resources import merged, tiny_resource
from support.values import in_schema

CHART = load_chart(CHARTS / "weaviate-bind")
BIND = "multi2vec-bind"


def render(*layers: Layer, **spec: Any) -> RenderedValues:
    resource = parse_resource(merged(tiny_resource("t"), {"spec": spec}))
    return render_values(resource, Images(), CHART, layers=layers)


def refusal(content: Any, *, is_secret: bool = False) -> str:
    with pytest.raises(InvalidValues) as caught:
        render(build_layer("spec.valuesFrom[0] (ConfigMap a, key values.yaml)", content, is_secret=is_secret))
    return str(caught.value)


def test_maps_merge_lists_are_replaced_and_the_last_wins() -> None:
    first = build_layer("one", {"podLabels": {"a": "1", "b": "1"}, "args": ["x", "y"]})
    last = {"podLabels": {"b": "2"}, "args": ["z"], "gate": {"retries": 3}}
    values = yaml.safe_load(render(first, values=last).text)
    assert values["podLabels"] == {"a": "1", "b": "2"}
    assert values["args"] == ["z"]
    assert values["gate"]["retries"] == 3
    assert values["gate"]["image"]["repo"] == Images().gate.repository


def test_merging_changes_neither_side() -> None:
    below, above = {"a": {"b": 1}}, {"a": {"c": 2}}
    assert merge(below, above) == {"a": {"b": 1, "c": 2}}
    assert (below, above) == ({"a": {"b": 1}}, {"a": {"c": 2}})


def test_without_layers_nothing_is_other_than_it_was() -> None:
    assert render() == render(values={})
    assert render().layers_digest is None


def test_another_value_is_another_digest_and_order_of_keys_is_none() -> None:
    one, other = render(values={"gate": {"retries": 3}}), render(values={"gate": {"retries": 4}})
    assert one.digest != other.digest
    assert one.layers_digest != other.layers_digest
    texts = ["podLabels: {a: b}\ngate: {retries: 3}", "gate:\n  retries: 3\npodLabels:\n  a: b\n"]
    found = [render(read_layer("x", text)) for text in texts]
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            {"replicas": 3},
            "sets replicas, which follows from the spec; remove it, and set spec.weaviate.replicas",
        ),
        ({"modules": {BIND: {"model": {"licenseAccepted": True}}}}, "set spec.inference.model"),
        ({"modules": {BIND: {"envconfig": {"enable_cuda": True}}}}, "set spec.device"),
        ({"modules": {BIND: {"autoscaling": {"enabled": True}}}}, "set spec.inference.autoscaling"),
        ({"modules": {BIND: {"resources": {"limits": {"memory": "1Gi"}}}}}, "set spec.inference.resources"),
        ({"image": {"tag": "1.0.0"}}, "set spec.weaviate.image and spec.weaviate.version"),
        ({"helmDriver": "Secret"}, "which says where the operator's records lie; remove it"),
        ({"gate": {"mode": "Deployment"}}, "set spec.weaviate.external"),
        ({"gate": {"healthPort": 9000}}, "by which the live check finds the gate; remove it"),
        ({"storage": {"retentionPolicy": "Delete"}}, "spec.deletionPolicy"),
        ({"envSecrets": {"ENABLE_MODULES": "x"}}, "sets envSecrets.ENABLE_MODULES, by which Weaviate finds"),
        ({"extraEnv": [{"name": "RAFT_JOIN", "value": "x"}]}, "sets extraEnv.RAFT_JOIN"),
        (
            {"modules": {"generative-aws": {"envSecrets": {"AUTHENTICATION_OIDC_ENABLED": "x"}}}},
            "sets modules.generative-aws.envSecrets.AUTHENTICATION_OIDC_ENABLED",
        ),
        (
            {"offload": {"s3": {"envconfig": {"CLUSTER_JOIN": "x"}}}},
            "sets offload.s3.envconfig.CLUSTER_JOIN",
        ),
        (
            {"collectionExport": {"envconfig": {"ENABLE_MODULES": "x"}}},
            "sets collectionExport.envconfig.ENABLE_MODULES",
        ),
        ({"custom_config_map": {"enabled": True}}, "sets custom_config_map.enabled"),
        ({"runtime_overrides": {"enabled": True}}, "sets runtime_overrides.enabled"),
        (
            {"extraEnv": [{"name": "AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED", "value": "true"}]},
            "which says who may ask Weaviate; remove it, and set spec.weaviate.authentication",
        ),
        ({"envSecrets": {"MCP_SERVER_ENABLED": "x"}}, "or spec.weaviate.mcp"),
        ({"authorization": {"rbac": {"enabled": True}}}, "set spec.weaviate.authentication"),
        ({"backups": {"s3": {"enabled": True}}}, "set spec.weaviate.backup"),
        (
            {"gate": {"retries": "many"}},
            "the chart does not take gate.retries: 'many' is not of type 'integer'",
        ),
        ({"tpyo": 1}, "'tpyo' was unexpected"),
    ],
)
def test_what_breaks_a_rule_is_refused_with_source_path_and_remedy(content: Any, words: str) -> None:
    message = refusal(content)
    assert message.startswith("spec.valuesFrom[0] (ConfigMap a, key values.yaml): ")
    assert words in message


def test_a_field_of_the_spec_that_is_set_is_not_overridden() -> None:
    volumes = [{"name": "mine", "emptyDir": {}}]
    layer = build_layer("spec.valuesFrom[0]", {"extraVolumes": volumes})
    assert yaml.safe_load(render(layer).text)["extraVolumes"] == volumes
    with pytest.raises(InvalidValues, match=r"sets extraVolumes, which follows from the spec"):
        render(layer, weaviate={"extraVolumes": [{"name": "other", "emptyDir": {}}]})


def test_layers_add_to_the_labels_of_the_spec() -> None:
    layer = build_layer("spec.valuesFrom[0]", {"commonLabels": {"team": "a", "cost": "7"}})
    values = yaml.safe_load(render(layer, commonLabels={"team": "search", "tier": "1"}).text)
    assert values["commonLabels"] == {"team": "a", "cost": "7", "tier": "1"}


def test_the_paths_that_are_the_operators_are_values_of_the_chart() -> None:
    for path in (*FIELDS, *OPERATORS_OWN, *SHARED):
        assert in_schema("weaviate-bind", tuple(path.split("."))), path


def test_a_policy_reads_nothing_that_a_layer_may_set() -> None:
    """All that an empty resource renders is the operator's; what it renders only if set is, once it is."""
    base = yaml.safe_load(render().text)
    for key, value in base.items():
        assert "operator's" in refusal({key: value}) or "follows from the spec" in refusal({key: value}), key


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [1", "is not YAML (line 1)"),
        ("- a", "is no map"),
        ("gate: {retries: 2026-01-01}", "gate.retries holds what is neither text, number, list nor map"),
        (
            "podLabels: {on: x}",
            "podLabels holds what is neither text, number, list nor map (a key of type bool)",
        ),
        ("gate: {retries: .nan}", "gate.retries holds"),
    ],
)
def test_what_is_no_values_file_is_refused(text: str, words: str) -> None:
    with pytest.raises(InvalidValues) as caught:
        read_layer("spec.valuesFrom[0]", text)
    assert words in str(caught.value)


def test_an_empty_file_says_nothing() -> None:
    assert read_layer("x", "# nothing\n").values == {}


PASSWORD = "correct-horse-battery"  # noqa: S105  (of a test)


@pytest.mark.parametrize(
    "content",
    [
        {"gate": {"retries": PASSWORD}},
        {"gate": {"retries": [PASSWORD]}},
        {"gate": {"logLevel": PASSWORD}},
        {"gate": {"tryDuration": PASSWORD}},
        {"tpyo": PASSWORD},
        {"replicas": PASSWORD},
        {"env": {"A": PASSWORD}},
        {"annotations": {"a": {"b": PASSWORD}}},
    ],
)
def test_no_message_shows_a_value_of_a_secret(content: Any) -> None:
    assert PASSWORD not in refusal(content, is_secret=True)


@pytest.mark.parametrize("text", [f"a: [{PASSWORD}", f"- {PASSWORD}", f'a: !!binary "{PASSWORD}="', PASSWORD])
def test_no_error_of_yaml_quotes_a_secret(text: str) -> None:
    with pytest.raises(InvalidValues) as caught:
        read_layer("spec.valuesFrom[0]", text, is_secret=True)
    assert PASSWORD not in str(caught.value)


def test_values_of_secrets_are_masked_and_not_printed() -> None:
    content = {"extraEnv": [{"name": "A", "value": f"{PASSWORD}\nsecond line"}], "gate": {"retries": 7}}
    rendered = render(build_layer("spec.valuesFrom[0]", content, is_secret=True))
    assert PASSWORD in rendered.text
    assert PASSWORD not in json.dumps(rendered.secrets[1:2]) or rendered.secrets
    assert PASSWORD not in repr(rendered).replace(repr(rendered.text), "")
    words = f"Invalid value: {PASSWORD} and second line, 7 retries"
    assert masked(words, rendered.secrets) == "Invalid value: *** and ***, 7 retries"


def test_what_is_no_secret_is_not_masked() -> None:
    layers = [build_layer("a", {"podLabels": {"a": "plain-text"}})]
    assert secrets_of(layers) == ()
    assert digest_of(layers) != digest_of([])
