"""`bindctl validate` gives the real API server's verdicts: on resources made by chance, and on nasty YAML."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bind_operator.api.crd import build_crd
from bind_operator.goyaml import Document, Unreadable, read_documents
from bindctl.judge import Outcome, judge
from integration.apiserver import ADMIN_TOKEN, ApiServer
from support.resources import BREACHES, merged, tiny_resource

EXAMPLES = 500
SAMPLES = sorted((Path(__file__).parents[2] / "manifests/samples").glob("*.yaml"))
KIND = "apiVersion: bindvectorizer.dev/v1alpha1\nkind: BindVectorizer\n"
PATH = "/apis/bindvectorizer.dev/v1alpha1/namespaces/default/bindvectorizers"
STRICTLY = {"dryRun": "All", "fieldValidation": "Strict"}
BASES = [
    *(manifest for sample in SAMPLES for manifest in yaml.safe_load_all(sample.read_text(encoding="utf-8"))),
    *(merged(tiny_resource("breach"), breach) for breach in list(BREACHES.values())[::4]),
]
RESOURCES = [one for one in BASES if one["kind"] == "BindVectorizer"]
VALUES = [
    *(
        "",
        "a",
        "A",
        "a.b",
        "a-",
        "1",
        "1Gi",
        "1e3",
        "a\n",
        "é",
        "\x80",
        "x" * 64,
        "x" * 300,
        "http://a",
        "true",
    ),
    *(0, 1, -1, 1.0, 1.5, 3, 2**31, 2**63, 1e30, True, False, None),
    *(
        [],
        [None],
        [""],
        [{}],
        {},
        {"a": None},
        {"a": 1},
        {"A": "b"},
        {"name": "a"},
        {"cpu": "2"},
        {"memory": 1},
    ),
]
LIKELY: dict[str, list[Any]] = {
    "boolean": [True, False],
    "string": ["a", "1.38.14", "https://a.example.com"],
    "object": [{}],
    "array": [[]],
}
NAMES = ["a", "A", "a.b", "-a", "a/b", "a/b/c", "A.b/c", "x" * 41, "x" * 64, "x" * 254, "", "ä"]


def paths(schema: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the path of each field."""
    for name, child in schema.get("properties", {}).items():
        yield (*path, name)
        yield from paths(child, (*path, name))


SCHEMA = build_crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
FIELDS = [("spec", *path) for path in paths(SCHEMA)]
METADATA = [("metadata", name) for name in ("name", "generateName", "labels", "annotations", "finalizers")]


@st.composite
def resources(draw: st.DrawFn) -> dict[str, Any]:
    """Return a resource that has been changed in a few places."""
    resource: dict[str, Any] = copy.deepcopy(draw(st.sampled_from(RESOURCES)))
    for _ in range(draw(st.sampled_from([1, 1, 2, 3]))):
        path = draw(st.sampled_from(FIELDS) if draw(st.integers(0, 5)) else st.sampled_from(METADATA))
        match draw(st.integers(0, 19)):
            case 0:
                path = (*path[:-1], draw(st.sampled_from([*NAMES, "nme"])))
            case 1:
                put(resource, path, {draw(st.sampled_from(NAMES)): draw(st.sampled_from(VALUES))})
                continue
            case 2:
                put(resource, path, None, remove=True)
                continue
        likely = values_for(path)
        put(resource, path, draw(st.sampled_from(likely if likely and draw(st.integers(0, 2)) else VALUES)))
    return resource


def values_for(path: tuple[str, ...]) -> list[Any]:
    """Return what the definition names for a field: its default, its choices and its bounds."""
    node: Any = {"properties": {"spec": SCHEMA}}
    for name in path:
        node = node.get("properties", {}).get(name, {})
    if node.get("type") in LIKELY:
        return [*node.get("enum", LIKELY[node["type"]])]
    bounds = [node[key] + step for key in ("minimum", "maximum") if key in node for step in (-1, 0, 1)]
    return [*node.get("enum", ()), *bounds, *([node["default"]] if "default" in node else ())]


def put(resource: dict[str, Any], path: tuple[str, ...], value: Any, *, remove: bool = False) -> None:
    """Set the value at `path` where the way to it is made of maps, which are made if there are none."""
    node: Any = resource
    for name in path[:-1]:
        node = node.setdefault(name, {}) if isinstance(node, dict) else None
    if isinstance(node, dict):
        if remove:
            node.pop(path[-1], None)
        else:
            node[path[-1]] = copy.deepcopy(value)


@pytest.fixture(scope="module")
def client(apiserver: ApiServer) -> Iterator[httpx.Client]:
    """It asks the API server as an administrator."""
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}", "Content-Type": "application/yaml"}
    with httpx.Client(base_url=apiserver.url, headers=headers, verify=False, timeout=30) as opened:  # noqa: S501
        yield opened


def ask(client: httpx.Client, text: str) -> httpx.Response:
    """Return the API server's answer to a resource that it is to make, but only as a trial."""
    return client.post(PATH, params=STRICTLY, content=text.encode())


def only(text: str) -> Document:
    (document,) = read_documents(text)
    return document


@settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(resource=resources())
def test_a_resource_made_by_chance_gets_the_same_verdict(
    client: httpx.Client, resource: dict[str, Any]
) -> None:
    text = json.dumps(resource)
    answer, verdict = ask(client, text), judge(only(text))
    assert answer.status_code != httpx.codes.INTERNAL_SERVER_ERROR, answer.text
    assert (verdict.outcome is Outcome.VALID) == answer.is_success, f"{verdict}\n{answer.text}"


def test_the_resources_made_by_chance_are_of_both_sorts() -> None:
    """Else equal verdicts would say little."""
    outcomes: list[Outcome] = []

    @settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(resource=resources())
    def count(resource: dict[str, Any]) -> None:
        outcomes.append(judge(only(json.dumps(resource))).outcome)

    count()
    assert outcomes.count(Outcome.VALID) >= 20
    assert outcomes.count(Outcome.REFUSED) >= 100


@pytest.mark.parametrize(
    "scalar",
    [
        *("y", "N", "yes", "On", "off", "TRUE", "tRUE", "~", "null", "NULL", "nULL", ""),
        *(
            "1",
            "+1",
            "-1",
            "01",
            "08",
            "0o7",
            "0x1F",
            "0b11",
            "1_0",
            "_1",
            "1e1",
            "1.0",
            "1.",
            ".5",
            "1e400",
            "--1",
        ),
        *(
            "1:30",
            "2026-11-27",
            "2026-11-27T10:00:00Z",
            ".inf",
            "-.INF",
            ".nan",
            "0x",
            "0b2",
            "1__0",
            "+",
            "-",
            ".",
        ),
        *(
            "'1'",
            '"y"',
            "!!str 1",
            '!!int "3"',
            "!!float 1",
            "!!bool yes",
            "!!null ''",
            "!!int x",
            "!own x",
            "! 1",
        ),
        *("!!binary aGk=", "<<", "=", "9223372036854775807", "9223372036854775808", "18446744073709551616"),
    ],
)
@pytest.mark.parametrize("field", ["replicas", "text"])
def test_a_scalar_is_read_as_the_api_server_reads_it(client: httpx.Client, scalar: str, field: str) -> None:
    line = f"inference: {{replicas: {scalar}, model: {{name: Tiny}}}}"
    if field == "text":
        line = f"inference: {{model: {{name: Tiny}}}}\n  weaviate:\n    env:\n      A: {scalar}"
    text = f"{KIND}metadata: {{name: a}}\nspec:\n  {line}\n"
    answer = ask(client, text)
    try:
        document = only(text)
        is_valid = judge(document).outcome is Outcome.VALID
    except Unreadable:
        is_valid = False
    assert is_valid == answer.is_success, answer.text
    if is_valid:
        given, there = document.data["spec"], answer.json()["spec"]
        assert text_in(given) == text_in(there)
        assert given["inference"].get("replicas") == there["inference"].get("replicas")


@pytest.mark.parametrize(
    "text",
    [
        "labels: {? a : b}",
        "labels: {1: b, true: c, 1.5: d}",
        "labels: {null: b}",
        "labels: {y: b}",
        "labels: &l {a: b}\n  annotations: *l",
        "labels: &l {a: b}\n  annotations: {<<: *l, c: d}",
        "annotations: {<<: {a: b}, a: c}",
        "annotations: {<<: [{a: b}, {a: c}]}",
        "annotations: {<<: a}",
        "labels: {[a]: b}",
        "labels: &l {a: *l}",
        "labels:\n\ta: b",
        "labels: {a: b",
        "labels: {a: *nothing}",
        "annotations: {a: |\n   b\n  }",
        "annotations:\n    a: |\n      b\n    c: >-\n      d\n      e",
    ],
)
def test_a_form_of_yaml_is_read_as_kubectl_reads_it(apiserver: ApiServer, text: str) -> None:
    whole = f"{KIND}metadata:\n  name: a\n  {text}\nspec: {{inference: {{model: {{name: Tiny}}}}}}\n"
    said = apiserver.kubectl("create", "--dry-run=server", "-o", "json", "-f", "-", text=whole, check=False)
    is_taken = said.startswith("{")
    try:
        document = only(whole)
        is_valid = judge(document).outcome is Outcome.VALID
    except Unreadable:
        is_valid = False
    assert is_valid == is_taken, said
    if is_valid:
        there = json.loads(said)["metadata"]
        for field in ("labels", "annotations"):
            assert document.data["metadata"].get(field) == there.get(field)


def text_in(spec: dict[str, Any]) -> Any:
    """Return the variable A of Weaviate; None where it is unset."""
    return spec.get("weaviate", {}).get("env", {}).get("A")
