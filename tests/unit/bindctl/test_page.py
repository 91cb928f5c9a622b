"""What docs/how-to/check.md shows is what the program prints."""

import re
import shlex
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from bind_operator.goyaml import read_documents
from bindctl.commands import main
from support.resources import merged, tiny_resource

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/how-to/check.md").read_text(encoding="utf-8")
BROKEN = """\
apiVersion: bindvectorizer.dev/v1alpha1
kind: BindVectorizer
metadata:
  name: search

spec:
  device: TPU
  weaviate:
    version: 1.38
  inference:
    replcas: 3
    model:
      licenseAccepted: true
"""


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def test_the_first_command_prints_what_stands_below_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    (command,) = blocks("sh")
    program, *arguments = shlex.split(command)
    assert program == "bindctl"
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0
    assert result.stdout == blocks("text")[0]


def test_the_faults_are_those_of_such_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("search.yaml").write_text(BROKEN, encoding="utf-8")
    result = CliRunner().invoke(main, ["validate", "search.yaml"])
    assert result.exit_code == 1
    assert result.stdout == blocks("text")[1]


def test_the_hook_runs_a_command_that_there_is() -> None:
    (document,) = read_documents(blocks("yaml")[0])
    _, command, *options = document.data["repos"][0]["hooks"][0]["entry"].split()
    assert {*options} <= {option for one in main.commands[command].params for option in one.opts}


def test_the_folder_of_values_is_written_and_compared_by_the_page_s_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("search.yaml").write_text(yaml.safe_dump(tiny_resource("search")), encoding="utf-8")
    block, _ = blocks("console")
    written, compared = (
        shlex.split(line[2:], comments=True) for line in block.splitlines() if line.startswith("$ ")
    )
    assert CliRunner().invoke(main, written[1:]).exit_code == 0
    assert CliRunner().invoke(main, compared[1:]).exit_code == 0
    changed = merged(tiny_resource("search"), {"spec": {"inference": {"replicas": 2}}})
    Path("search.yaml").write_text(yaml.safe_dump(changed), encoding="utf-8")
    result = CliRunner().invoke(main, compared[1:])
    assert result.exit_code == 1
    assert result.stdout.startswith("".join(block.splitlines(keepends=True)[2:4]))


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_a_script(shell: str) -> None:
    result = CliRunner().invoke(main, ["completion", shell])
    assert result.exit_code == 0
    assert "_BINDCTL_COMPLETE" in result.stdout
