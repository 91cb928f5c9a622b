"""`render` prints what the operator writes, from manifests alone."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from bind_operator.__main__ import main
from bind_operator.api import parse_resource
from bind_operator.release.chart import load_chart
from bind_operator.release.layers import read_layer
from bind_operator.release.values import render_values
from bind_operator.settings import Images
from support.charts import CHARTS
from support.resources import Manifest, merged, tiny_resource

SOURCE = {"kind": "ConfigMap", "name": "team"}
TEXT = "gate: {retries: 3}\n"


def config_map(namespace: str = "") -> Manifest:
    metadata = {"name": "team"} | ({"namespace": namespace} if namespace else {})
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"values.yaml": TEXT}}


def resource(name: str = "shop", **spec: Any) -> Manifest:
    return merged(tiny_resource(name, "space"), {"spec": spec})


def run(folder: Path, *manifests: Manifest) -> int:
    file = folder / "x.yaml"
    file.write_text(yaml.safe_dump_all(manifests), encoding="utf-8")
    return main(["render", str(file)])


@pytest.mark.parametrize("namespace", ["", "space"])
def test_sources_stand_beside_the_resource(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], namespace: str
) -> None:
    manifest = resource(valuesFrom=[SOURCE], values={"podLabels": {"a": "b"}})
    assert run(tmp_path, config_map(namespace), manifest) == 0
    layer = read_layer("x", TEXT)
    chart = load_chart(CHARTS / "weaviate-bind")
    assert (
        capsys.readouterr().out
        == render_values(parse_resource(manifest), Images(), chart, layers=[layer]).text
    )


def test_several_resources_are_several_documents(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, resource("a"), resource("b", commonLabels={"b": "c"})) == 0
    first, second = yaml.safe_load_all(capsys.readouterr().out)
    assert "commonLabels" not in first
    assert second["commonLabels"] == {"b": "c"}


def test_standard_input_is_read(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    class Input:
        @staticmethod
        def read() -> str:
            return "kind: Pod"

    monkeypatch.setattr("sys.stdin", Input)
    assert main(["render", "-"]) == 2
    assert "standard input: holds 1 manifests of kind Pod" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("manifests", "words"),
    [
        (
            [resource(valuesFrom=[SOURCE])],
            "spec.valuesFrom[0] (ConfigMap team, key values.yaml): is not among",
        ),
        ([resource(valuesFrom=[SOURCE]), config_map("other")], "is not among the manifests"),
        ([resource(values={"replicas": 3})], "spec.values: sets replicas, which follows from the spec"),
        ([resource(values={"gate": {"retries": "x"}})], "spec.values: the chart does not take gate.retries"),
        ([resource(comonLabels={})], "spec.comonLabels: no such field"),
        (
            [resource(delivery="Render", valuesFrom=[{"kind": "Secret", "name": "a"}])],
            "must not name a Secret",
        ),
    ],
)
def test_an_error_names_file_and_field(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], manifests: list[Manifest], words: str
) -> None:
    assert run(tmp_path, *manifests) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith(f"{tmp_path}/x.yaml: ")
    assert words in output.err


def test_the_place_of_the_operator_is_not_rendered_for_somebody_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(tmp_path, resource(delivery="Render")) == 0
    outside = capsys.readouterr().out
    monkeypatch.setenv("BIND_OPERATOR_NAMESPACE", "bind-system")
    assert run(tmp_path, resource(delivery="Render")) == 0
    assert capsys.readouterr().out == outside
    assert run(tmp_path, resource()) == 0
    assert "networkPolicy" in capsys.readouterr().out


def test_a_file_is_read_as_kubectl_reads_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Else what is rendered here would not be what the API server is given: PyYAML has 1:30 as 90."""
    file = tmp_path / "x.yaml"
    text = yaml.safe_dump(resource(commonAnnotations={"at": "TIME"})).replace("TIME", "1:30")
    file.write_text(text, encoding="utf-8")
    assert main(["render", str(file)]) == 0
    assert yaml.safe_load(capsys.readouterr().out)["commonAnnotations"] == {"at": "1:30"}
    file.write_text(text.replace("1:30", "y"), encoding="utf-8")
    assert main(["render", str(file)]) == 2
    assert "spec.commonAnnotations.at" in capsys.readouterr().err
