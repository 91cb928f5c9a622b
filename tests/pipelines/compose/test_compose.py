"""Compose files of resources are valid for the real docker compose, and one runs as the page says."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from support.media import picture

from .conftest import ROOT, Machine

PAGE = (ROOT / "docs/how-to/compose.md").read_text(encoding="utf-8")
SAMPLES = sorted((ROOT / "manifests/samples").glob("*.yaml"))
NEEDS_MORE = {"profile.yaml": "the profiles of an operator"}

AGAIN = """\
    things = client.collections.use("Things")
    found = things.query.near_text("thing 3", limit=1).objects[0].properties["name"]
    print(f"{len(things)} are still there: {found}")
    pictures = client.collections.create(
        "Pictures", vector_config=Configure.Vectors.multi2vec_bind(image_fields=["picture"])
    )
    large = base64.b64encode(Path("large.bmp").read_bytes()).decode()
    stored = pictures.data.insert({"picture": large, "name": "large"})
    hit = pictures.query.near_image(large, limit=1, return_metadata=["distance"]).objects[0]
    print(f"a picture of {len(large) // 10**6} MB: {hit.uuid == stored and hit.metadata.distance < 1e-4}")
"""
"""Its picture is above 1 MB, so that it goes the way of large bodies: by the gate's second process."""


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
    write_second_client(machine)
    up, more = blocks("sh")
    printed = machine.run(
        f"""
        {up}
        python search.py
        docker compose kill --signal KILL gate
        docker compose restart weaviate
        docker compose up --detach --wait
        python again.py
        {more}
        docker compose down --volumes
        test -z "$(podman ps --all --quiet; podman volume ls --quiet)"
        """,
        timeout_s=400,
    )
    lines = printed.splitlines()
    assert "thing 7" in lines
    assert "20 are still there: thing 3" in lines, [line for line in lines if "still" in line]
    assert "a picture of 2 MB: True" in lines


def write_second_client(machine: Machine) -> None:
    """Write the program again.py, which finds what the page's client stored, and large.bmp for it."""
    text = blocks("python")[0]
    head, _, _ = f"import base64\n{text}".partition("    things = ")
    (machine.folder / "again.py").write_text(head + AGAIN, encoding="utf-8")
    (machine.folder / "large.bmp").write_bytes(picture(800, 800, kind="BMP"))
