"""`bindctl render` prints what the operator renders, of files and folders, and tells what changed."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from bind_operator.offline import render_file
from bind_operator.settings import Settings
from bindctl.commands import main
from support.resources import merged, tiny_resource


def render(*arguments: str, text: str | None = None) -> Result:
    return CliRunner().invoke(main, ["render", *arguments], input=text)


def written(path: Path, *manifests: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump_all(manifests), encoding="utf-8")
    return path


def config_map(name: str, values: str, namespace: str = "default") -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"values.yaml": values}}


def test_the_bytes_are_the_operator_s(tmp_path: Path) -> None:
    file = written(tmp_path / "a.yaml", tiny_resource("a"), tiny_resource("b"))
    result = render(str(file))
    assert result.exit_code == 0
    assert result.stdout == render_file("a.yaml", file.read_text(encoding="utf-8"), Settings())


def test_what_a_resource_names_may_stand_in_another_file_of_a_folder(tmp_path: Path) -> None:
    team = {"spec": {"valuesFrom": [{"kind": "ConfigMap", "name": "team"}]}}
    written(tmp_path / "search.yaml", merged(tiny_resource("a"), team))
    written(tmp_path / "team.yaml", config_map("team", "dnsPolicy: Default\n"))
    written(tmp_path / "other.yaml", {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "x"}})
    result = render(str(tmp_path))
    assert result.exit_code == 0, result.stderr
    assert yaml.safe_load(result.stdout)["dnsPolicy"] == "Default"


def test_a_folder_of_values_has_a_file_for_each_by_namespace(tmp_path: Path) -> None:
    resources = written(tmp_path / "in.yaml", tiny_resource("a"), tiny_resource("a", "staging"))
    result = render("--output-dir", str(tmp_path / "out"), str(resources))
    assert (result.exit_code, result.stdout) == (0, "")
    files = sorted(str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").glob("*/*"))
    assert files == ["default/a-values.yaml", "staging/a-values.yaml"]
    assert (tmp_path / "out/default/a-values.yaml").read_text(encoding="utf-8") == render(
        "-", text=yaml.safe_dump(tiny_resource("a"))
    ).stdout


def test_what_differs_from_an_older_folder_is_told_and_ends_with_1(tmp_path: Path) -> None:
    file, out = (
        written(tmp_path / "in.yaml", tiny_resource("a"), tiny_resource("gone")),
        str(tmp_path / "out"),
    )
    render("-d", out, str(file))
    assert render("--diff", out, str(file)).exit_code == 0
    changed = merged(tiny_resource("a"), {"spec": {"inference": {"replicas": 2}}})
    written(file, changed, tiny_resource("new"))
    result = render("--diff", out, str(file))
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert {"--- before/default/a-values.yaml", "+++ now/default/a-values.yaml"} <= {*lines}
    assert "+    replicas: 2" in lines
    assert "+++ /dev/null" in lines
    assert "--- /dev/null" in lines


def test_a_program_gets_the_same_differences(tmp_path: Path) -> None:
    file, out = written(tmp_path / "in.yaml", tiny_resource("a")), str(tmp_path / "out")
    render("-d", out, str(file))
    assert json.loads(render("--diff", out, "-o", "json", str(file)).stdout) == {"differences": []}
    written(file, merged(tiny_resource("a"), {"spec": {"inference": {"replicas": 2}}}))
    result = render("--diff", out, "-o", "json", str(file))
    assert result.exit_code == 1
    (told,) = json.loads(result.stdout)["differences"]
    assert told["file"] == "default/a-values.yaml"
    assert "+    replicas: 2" in told["diff"].splitlines()


def test_manifests_are_those_that_helm_makes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    helm = tmp_path / "helm"
    helm.write_text(
        '#!/bin/sh\necho "---"; echo "# $1 $2 $5"; grep -c replicas values.yaml\n', encoding="utf-8"
    )
    helm.chmod(0o755)
    monkeypatch.setenv("BIND_OPERATOR_HELM", str(helm))
    file = written(tmp_path / "in" / "a.yaml", tiny_resource("a"), tiny_resource("b", "staging"))
    said = "---\n# template {} --skip-tests\n2\n"
    assert render("--manifests", str(file)).stdout == said.format("a") + said.format("b")
    out = tmp_path / "out"
    for arguments in (["-d", str(out)], ["--manifests", "-d", str(out)]):
        assert render(*arguments, str(file)).exit_code == 0
    assert (out / "staging/b-manifests.yaml").read_text(encoding="utf-8") == said.format("b")
    assert render("--manifests", "--diff", str(out), str(file)).stdout == ""
    (out / "default/a-manifests.yaml").write_text("kind: Old\n", encoding="utf-8")
    changed = render("--manifests", "--diff", str(out), str(file))
    assert changed.exit_code == 1
    assert "-kind: Old" in changed.stdout
    assert render("--diff", str(out), str(file)).stdout == "", "values are compared with values"


def test_without_helm_there_are_no_manifests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIND_OPERATOR_HELM", "/nowhere/helm")
    result = render("--manifests", str(written(tmp_path / "a.yaml", tiny_resource("a"))))
    assert result.exit_code == 1
    assert "BIND_OPERATOR_HELM" in result.stderr


def test_each_fault_is_told_with_its_file_and_line(tmp_path: Path) -> None:
    bad = merged(tiny_resource("b"), {"spec": {"inference": {"replicas": 65}}})
    file = written(tmp_path / "in.yaml", tiny_resource("a"), bad)
    result = render(str(file))
    assert result.exit_code == 1
    assert result.stdout == ""
    line = file.read_text(encoding="utf-8").split("---")[0].count("\n") + 2
    assert result.stderr.startswith(f"{file}:{line}: spec.inference.replicas: ")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nowhere.yaml",), "there is no such file"),
        (("-",), "no BindVectorizer is in there"),
        (("--diff", "nowhere", "-"), "no BindVectorizer is in there"),
    ],
)
def test_a_question_that_cannot_be_answered_ends_with_2(arguments: tuple[str, ...], said: str) -> None:
    result = render(*arguments, text="")
    assert result.exit_code == 2
    assert said in result.stderr


def test_a_folder_that_is_not_there_is_no_older_render() -> None:
    result = render("--diff", "nowhere", "-", text=yaml.safe_dump(tiny_resource("a")))
    assert result.exit_code == 2
    assert "make one with --output-dir" in result.stderr
