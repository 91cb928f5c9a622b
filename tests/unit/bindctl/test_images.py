"""The images to mirror are the operator's defaults or those of resources, with their names elsewhere."""

import json
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

import bind_operator
from bindctl.commands import main
from bindctl.image_list import Image

ROOT = Path(__file__).parents[3]
SAMPLES = ROOT / "manifests/samples"
VERSION = bind_operator.__version__


def run(*arguments: str) -> list[str]:
    result = CliRunner().invoke(main, ["images", *arguments])
    assert result.exit_code == 0, result.stderr
    return result.stdout.splitlines()


def test_without_a_resource_it_is_what_the_operator_gives_and_its_own() -> None:
    assert [line.rpartition(":")[0] for line in run()] == [
        "cr.weaviate.io/semitechnologies/weaviate",
        "docker.io/library/caddy",
        "ghcr.io/bindvectorizer/bind-inference",
        "ghcr.io/bindvectorizer/bind-inference",
        "ghcr.io/bindvectorizer/bind-operator",
    ]


def test_a_resource_for_gpus_needs_the_image_for_gpus_alone() -> None:
    lines = run(str(SAMPLES / "gpu.yaml"), "--no-operator")
    assert f"ghcr.io/bindvectorizer/bind-inference:{VERSION}" in lines
    assert f"ghcr.io/bindvectorizer/bind-inference:{VERSION}-cpu" not in lines
    assert len(lines) == 3


def test_weights_in_an_image_are_pulled_too() -> None:
    assert any("imagebind-weights" in line for line in run(str(SAMPLES / "image.yaml")))


def test_an_image_that_several_name_stands_once() -> None:
    lines = run(str(SAMPLES / "tiny.yaml"), str(SAMPLES / "minimal.yaml"))
    assert len(lines) == len(set(lines)) == 4


@pytest.mark.parametrize(
    ("name", "moved"),
    [
        ("ghcr.io/a/b:1", "mirror.example.com/x/a/b:1"),
        ("localhost/a@sha256:00", "mirror.example.com/x/a@sha256:00"),
        ("10.0.0.1:5000/a/b:1", "mirror.example.com/x/a/b:1"),
        ("library/caddy:2", "mirror.example.com/x/library/caddy:2"),
    ],
)
def test_only_the_registry_changes(name: str, moved: str) -> None:
    assert Image(name).moved_to("mirror.example.com/x") == moved


def test_json_has_both_names() -> None:
    result = json.loads("\n".join(run("--to", "mirror.example.com/", "-o", "json")))
    assert result[0]["to"] == result[0]["from"].replace("cr.weaviate.io", "mirror.example.com")


def test_a_shell_reads_the_pairs() -> None:
    """The loop of the help text and of the page, with an echo in place of a copy."""
    lines = "\n".join(run("--to", "mirror.example.com"))
    loop = "while read -r from to; do echo docker://$from docker://$to; done"
    done = subprocess.run(["sh", "-c", loop], input=lines + "\n", capture_output=True, text=True, check=True)
    assert f"docker://mirror.example.com/bindvectorizer/bind-operator:{VERSION}" in done.stdout.split()


def test_what_cannot_be_rendered_is_named(tmp_path: Path) -> None:
    file = tmp_path / "search.yaml"
    text = (SAMPLES / "tiny.yaml").read_text(encoding="utf-8")
    file.write_text(text.replace("spec:\n", "spec:\n  device: TPU\n", 1), encoding="utf-8")
    result = CliRunner().invoke(main, ["images", str(file)])
    assert result.exit_code == 1
    assert "spec.device" in result.stderr
