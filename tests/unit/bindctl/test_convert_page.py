"""What docs/how-to/convert.md shows is what the program prints."""

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from bindctl.commands import main
from unit.bindctl.test_convert import VALUES

PAGE = (Path(__file__).parents[3] / "docs/how-to/convert.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def test_the_file_of_the_page_becomes_the_resource_below_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("docker-compose.yml").write_text(blocks("yaml")[0], encoding="utf-8")
    program, *arguments = shlex.split(blocks("sh")[0])
    assert program == "bindctl"
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.stderr
    assert result.stdout == blocks("text")[0]
    assert "-secret" not in result.output
    levels = [line.split(": ")[1] for line in result.stderr.splitlines()]
    assert levels == ["advice"] * len(levels)


def test_what_helm_prints_is_taken() -> None:
    _, command = blocks("sh")[1].split("|")
    program, *arguments = shlex.split(command)
    assert program == "bindctl"
    assert CliRunner().invoke(main, arguments, input=VALUES).exit_code == 0
