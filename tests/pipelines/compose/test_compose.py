"""Compose files of resources are valid for the real docker compose, and one runs as the page says."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from .conftest import ROOT, Machine

PAGE = (ROOT / "docs/how-to/compose.md").read_text(encoding="utf-8")
SAMPLES = sorted((ROOT / "manifests/samples").glob("*.yaml"))
NEEDS_MORE = {"profile.yaml": "the profiles of an operator"}


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize(
    "sample", [one for one in SAMPLES if one.name not in NEEDS_MORE], ids=lambda p: p.stem
)
def test_a_sample_s_file_is_valid(sample: Path, programs: Path, tmp_path: Path) -> None:
    environment = {"PATH": f"{programs}:/usr/bin:/bin", "HOME": str(tmp_path)}
    names = [one["metadata"]["name"] for one in yaml.safe_load_all(sample.read_text(encoding="utf-8"))]
    script = f"""
        bindctl compose --name {names[-1]} --keys .env {sample} > compose.yaml
        docker compose config --format json
    """
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    understood = yaml.safe_load(ran.stdout)
    written = yaml.safe_load((tmp_path / "compose.yaml").read_text(encoding="utf-8"))
    assert set(understood["services"]) == set(written["services"])
    for name, config in written.get("configs", {}).items():
        # What is escaped in the file is so in what docker compose prints, too.
        assert understood["configs"][name]["content"] == config["content"]


def test_the_page_s_commands_import_search_and_leave_nothing(machine: Machine) -> None:
    (machine.folder / "search.yaml").write_text(blocks("yaml")[0], encoding="utf-8")
    (machine.folder / "search.py").write_text(blocks("python")[0], encoding="utf-8")
    up, more = blocks("sh")
    printed = machine.run(
        f"""
        {up}
        python search.py
        docker compose kill --signal KILL gate weaviate
        docker compose up --detach --wait
        python search_again.py
        {more}
        docker compose down --volumes
        test -z "$(podman ps --all --quiet; podman volume ls --quiet)"
        """.replace("search_again.py", again(machine)),
        timeout_s=400,
    )
    lines = printed.splitlines()
    assert "thing 7" in lines
    assert "20 are still there: thing 3" in lines


def again(machine: Machine) -> str:
    """Write a second client, which finds what the first one stored; return its name."""
    text = blocks("python")[0]
    head, _, _ = text.partition("    things = ")
    asked = (
        '    things = client.collections.use("Things")\n'
        '    found = things.query.near_text("thing 3", limit=1).objects[0].properties["name"]\n'
        '    print(f"{len(things)} are still there: {found}")\n'
    )
    (machine.folder / "again.py").write_text(head + asked, encoding="utf-8")
    return "again.py"
