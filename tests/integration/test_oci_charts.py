"""Both charts go to a real registry by the commands of docs/release.md, and come out of it as they were."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml

from bind_operator import __version__
from integration.installation import ROOT
from integration.server_process import ServerProcess
from support.charts import helm
from support.ports import free_ports
from support.tools import binary
from support.waiting import until

PAGE = (ROOT / "docs/release.md").read_text(encoding="utf-8")
PUBLISHED = "oci://ghcr.io/bindvectorizer/charts"


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the address of an empty registry."""
    folder, (port,) = tmp_path_factory.mktemp("registry"), free_ports(1)
    address = f"127.0.0.1:{port}"
    settings = {
        "version": 0.1,
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}},
        "http": {"addr": address},
    }
    (folder / "config.yml").write_text(yaml.safe_dump(settings), encoding="utf-8")

    def answers() -> bool:
        try:
            return httpx.get(f"http://{address}/v2/", trust_env=False).is_success
        except httpx.TransportError:
            return False

    with ServerProcess(["docker-registry", "serve", str(folder / "config.yml")], folder).running():
        until(answers, 20, "the registry answers", poll_s=0.1)
        yield address


def test_the_page_s_commands_publish_both_charts(registry: str, tmp_path: Path) -> None:
    (block,) = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    lines = [line.strip() for line in re.sub(r"\b0\.2\.0\b", __version__, block).splitlines()]
    for line in filter(None, lines):
        words = line.replace(PUBLISHED, f"oci://{registry}/charts").replace("dist", str(tmp_path)).split()
        assert words[0] == "helm"
        plain = ["--plain-http"] if words[1] == "push" else []
        done = subprocess.run(
            [binary("helm"), *words[1:], *plain], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    for chart in ("bind-operator", "weaviate-bind"):
        flags = ["x", "--namespace=y", "--set=modules.multi2vec-bind.model.name=Tiny"]
        flags = flags[:2] if chart == "bind-operator" else flags
        name, *rest = flags
        there = helm(
            "template",
            name,
            f"oci://{registry}/charts/{chart}",
            "--version",
            __version__,
            "--plain-http",
            *rest,
        )
        here = helm("template", name, ROOT / "charts" / chart, *rest)
        assert there.returncode == 0, there.stderr
        assert there.stdout == here.stdout
        assert here.stdout
