"""`bindctl validate` as a person and a pipeline meet it: lines, JSON and exit statuses."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from bindctl.commands import main
from support.resources import BREACHES, merged, tiny_resource

ROOT = Path(__file__).parents[3]

BROKEN = """\
apiVersion: bindvectorizer.dev/v1alpha1
kind: BindVectorizer
metadata:
  name: search
  labels: {a: 1}
spec:
  device: TPU
  weaviate:
    version: 1.38
  inference:
    replcas: 3
    model:
      licenseAccepted: "yes"
      licenseAccepted: yes
"""


def validate(*arguments: str, text: str | None = None) -> Result:
    return CliRunner().invoke(main, ["validate", *arguments], input=text)


def written(folder: Path, name: str, *manifests: Any) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump_all(manifests), encoding="utf-8")
    return path


def test_our_samples_are_valid() -> None:
    result = validate(str(ROOT / "manifests/samples"))
    assert result.exit_code == 0
    count = len(list((ROOT / "manifests/samples").glob("*.yaml")))
    assert result.stdout.startswith(f"{count} resources: {count} valid, 0 refused")


def test_each_fault_has_its_file_line_field_and_remedy(tmp_path: Path) -> None:
    file = tmp_path / "search.yaml"
    file.write_text(BROKEN, encoding="utf-8")
    result = validate(str(file))
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        f"{file}:5: metadata.labels.a: must be a text, not 1; put it in quotes",
        f'{file}:7: spec.device: must be one of CPU, CUDA, not "TPU"; did you mean CPU?',
        f"{file}:9: spec.weaviate.version: must be a text, not 1.38; put it in quotes",
        f"{file}:11: spec.inference.replcas: no such field; did you mean replicas?",
        f"{file}:14: spec.inference.model.licenseAccepted: stands twice in one map; remove one",
        "1 resource: 0 valid, 1 refused",
    ]


def test_json_tells_the_same_to_a_program(tmp_path: Path) -> None:
    file = tmp_path / "search.yaml"
    file.write_text(BROKEN, encoding="utf-8")
    result = validate("-o", "json", str(file))
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    (resource,) = told["resources"]
    assert {key: resource[key] for key in ("file", "line", "name", "outcome")} == {
        "file": str(file),
        "line": 1,
        "name": "search",
        "outcome": "refused",
    }
    assert [(fault["line"], fault["field"]) for fault in resource["faults"]] == [
        (5, "metadata.labels.a"),
        (7, "spec.device"),
        (9, "spec.weaviate.version"),
        (11, "spec.inference.replcas"),
        (14, "spec.inference.model.licenseAccepted"),
    ]


@pytest.mark.parametrize("rule", BREACHES)
def test_each_broken_rule_is_told(rule: str) -> None:
    manifest = merged(tiny_resource("breach"), BREACHES[rule])
    result = validate("-", text=yaml.safe_dump(manifest))
    assert result.exit_code == 1
    assert result.stdout.splitlines()[0].startswith("standard input:")


def test_a_folder_is_searched_but_for_what_holds_no_manifests(tmp_path: Path) -> None:
    written(tmp_path, "a/one.yaml", tiny_resource("one"), {"apiVersion": "v1", "kind": "ConfigMap"})
    written(tmp_path, "b.yml", {"apiVersion": "v1", "kind": "List", "items": [tiny_resource("two")]})
    (tmp_path / "c.json").write_text(json.dumps(tiny_resource("three")), encoding="utf-8")
    written(tmp_path, ".git/four.yaml", tiny_resource("FOUR"))
    written(tmp_path, "chart/Chart.yaml", {"apiVersion": "v2", "name": "c"})
    (tmp_path / "chart/templates").mkdir()
    (tmp_path / "chart/templates/five.yaml").write_text("a: {{ .Values.a }}", encoding="utf-8")
    (tmp_path / "notes.txt").write_text("{", encoding="utf-8")
    result = validate("-o", "json", str(tmp_path))
    assert result.exit_code == 0
    told = json.loads(result.stdout)
    names = {one["name"]: one["outcome"] for one in told["resources"]}
    assert names == {"one": "valid", "two": "valid", "three": "valid"}
    assert told["others"] == 2, "the ConfigMap, and what describes the chart"


def test_text_that_is_no_yaml_is_refused_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "template.yaml"
    file.write_text("a: 1\nb: {{ .Values.b }}\n", encoding="utf-8")
    (tmp_path / "latin.yaml").write_bytes(b"a: 1\nb: \xe9\n")
    result = validate(str(tmp_path))
    assert result.exit_code == 1
    assert f"{file}:2:" in result.stdout
    assert "looks like a template: render it first" in result.stdout
    assert f"{tmp_path}/latin.yaml:2: is not UTF-8" in result.stdout


@pytest.mark.parametrize(
    ("manifest", "said"),
    [
        (
            {"apiVersion": "bindvectorizer.dev/v2", "kind": "BindVectorizer"},
            "apiVersion: must be bindvectorizer.dev/v1alpha1, not bindvectorizer.dev/v2",
        ),
        ({"apiVersion": "bindvectorizer.dev/v1alpha1", "kind": "BindVector"}, "kind: must be BindVectorizer"),
        ({"kind": "BindVectorizer"}, "apiVersion: must be bindvectorizer.dev/v1alpha1, but is not set"),
        (tiny_resource("a") | {"metadata": {}}, "metadata.name: is required"),
        (tiny_resource("a_b"), "'a_b' must be of a-z"),
    ],
)
def test_what_is_no_resource_is_refused(manifest: Any, said: str) -> None:
    result = validate("-", text=yaml.safe_dump(manifest))
    assert result.exit_code == 1
    assert said in result.stdout


def test_a_profile_is_judged_by_the_folder_of_profiles(tmp_path: Path) -> None:
    written(tmp_path, "small.yaml", {"device": "CPU"})
    manifest = merged(tiny_resource("a"), {"spec": {"profile": "smal"}})
    result = validate("--profiles-dir", str(tmp_path), "-", text=yaml.safe_dump(manifest))
    assert result.exit_code == 1
    assert "the operator has no such profile; set spec.profile to one of small" in result.stdout
    manifest["spec"]["profile"] = "small"
    assert validate("--profiles-dir", str(tmp_path), "-", text=yaml.safe_dump(manifest)).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nowhere.yaml",), "there is no such file or folder"),
        ((), "Missing argument"),
        (("--profiles-dir", "nowhere", "-"), "--profiles-dir nowhere"),
        (("-o", "xml", "-"), "Invalid value"),
        (("-",), "no BindVectorizer is in there"),
    ],
)
def test_a_question_that_cannot_be_answered_ends_with_2(arguments: tuple[str, ...], said: str) -> None:
    result = validate(*arguments, text="")
    assert result.exit_code == 2
    assert said in result.stderr


def test_nothing_to_judge_can_be_allowed() -> None:
    assert validate("--allow-none", "-", text="a: 1\nkind: A\napiVersion: v1\n").exit_code == 0
