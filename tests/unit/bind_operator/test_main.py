"""The command line, as a process would run it."""

import socket
from pathlib import Path

import pytest
import yaml

from bind_operator.__main__ import main
from bind_operator.settings import Images
from support.resources import BREACHES, merged, tiny_resource


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(tiny_resource("t")), encoding="utf-8")
    return path


def test_render_prints_the_values(manifest: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", str(manifest)]) == 0
    values = yaml.safe_load(capsys.readouterr().out)
    assert values["modules"]["multi2vec-bind"]["model"]["name"] == "Tiny"


def test_render_takes_settings_as_flags_and_environment(
    manifest: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BIND_OPERATOR_IMAGES__INFERENCE__TAG", "0.2.0")
    assert main(["render", str(manifest), "--images.gate.repository=gate"]) == 0
    values = yaml.safe_load(capsys.readouterr().out)
    inference = values["modules"]["multi2vec-bind"]
    assert (inference["registry"], inference["tag"]) == ("ghcr.io", "0.2.0")
    assert (values["gate"]["image"]["repo"], values["gate"]["image"]["tag"]) == ("gate", Images().gate.tag)


def test_render_lays_a_profile_under_the_resource(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, folder = tmp_path / "t.yaml", tmp_path / "profiles"
    path.write_text(yaml.safe_dump(merged(tiny_resource("t"), {"spec": {"profile": "fast"}})))
    folder.mkdir()
    (folder / "fast.yaml").write_text("device: CUDA\nreplicas: {min: 2}\n")
    assert main(["render", str(path), f"--profiles-dir={folder}"]) == 0
    inference = yaml.safe_load(capsys.readouterr().out)["modules"]["multi2vec-bind"]
    assert (inference["envconfig"]["enable_cuda"], inference["replicas"]) == (True, 2)
    without = refused(["render", str(path)], capsys)
    assert "the operator has no such profile" in without
    assert "--profiles-dir names the folder" in without
    assert f"{tmp_path}/none: No such file" in refused(
        ["render", str(path), f"--profiles-dir={tmp_path}/none"], capsys
    )


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Run a command that must end with 2 and print nothing but errors; return those."""
    try:
        status = main(arguments)
    except SystemExit as ended:
        status = int(str(ended.code))
    output = capsys.readouterr()
    assert (status, output.out) == (2, "")
    return output.err


def test_breach_names_field_and_remedy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(
        yaml.safe_dump(merged(tiny_resource("t"), BREACHES["licence-is-accepted"])), encoding="utf-8"
    )
    assert "spec.inference.model.licenseAccepted must be true" in refused(["render", str(path)], capsys)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds 0 manifests; give BindVectorizers"),
        ("a: 1\n---\nkind: Pod\n", "holds 2 manifests of kind Pod, none; give BindVectorizers"),
        ("- a\n", "holds 1 manifests of kind none"),
        ("a: [", "is not YAML"),
    ],
    ids=["empty", "two", "a list", "broken"],
)
def test_no_manifest(text: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(text, encoding="utf-8")
    assert message in refused(["render", str(path)], capsys)


def test_no_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert "/nowhere.yaml: cannot be read" in refused(["render", "/nowhere.yaml"], capsys)


def test_no_chart(manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    error = refused(["render", str(manifest), f"--chart-dir={tmp_path}"], capsys)
    assert "holds no usable chart" in error
    assert "set chart_dir" in error


def test_wrong_setting(
    manifest: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BIND_OPERATOR_WORKERS", "many")
    assert "setting workers: " in refused(["render", str(manifest)], capsys)


@pytest.mark.parametrize("arguments", [[], ["rnder"], ["run", "--wrkers=3"]])
def test_wrong_command(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert "error: " in refused(arguments, capsys)


def test_run_without_helm(capsys: pytest.CaptureFixture[str]) -> None:
    assert "setting helm: there is no program /nowhere/helm" in refused(
        ["run", "--helm=/nowhere/helm"], capsys
    )


def test_run_with_a_taken_port(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("", 0))
        taken.listen()
        port = taken.getsockname()[1]
        error = refused(["run", "--helm=/bin/true", f"--health-port={port}"], capsys)
    assert f"setting health_port: cannot listen on port {port}: Address already in use" in error
