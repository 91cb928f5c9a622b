"""The commands of docs/how-to/weights.md are taken by the program, and the messages are its own."""

import re
import shlex
from pathlib import Path

import pytest
import yaml

from bind_inference.convert.settings import read_convert_settings
from bind_inference.weights.reading import PUBLISHED_SHA256
from bind_inference.weights.source import converted_name

ROOT = Path(__file__).parents[4]
PAGE = (ROOT / "docs" / "how-to" / "weights.md").read_text(encoding="utf-8")
SHELL = "\n".join(re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)).replace("\\\n", " ")
YAML = "\n---\n".join(re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL))


def commands() -> list[list[str]]:
    """Return what follows `convert` in each command of the page, and in the Job."""
    lines = [shlex.split(line) for line in SHELL.splitlines() if " convert " in line]
    (job,) = [item for item in yaml.safe_load_all(YAML) if item["kind"] == "Job"]
    lines.append(job["spec"]["template"]["spec"]["containers"][0]["args"])
    return [line[line.index("convert") + 1 :] for line in lines]


def test_every_command_is_taken() -> None:
    found = [read_convert_settings(arguments) for arguments in commands()]
    assert [str(settings.output) for settings in found] == ["weights", "weights", "/weights", "/weights"]


def test_the_name_of_the_file_is_right() -> None:
    assert converted_name("ImageBindHuge", PUBLISHED_SHA256) in PAGE


@pytest.mark.parametrize(
    "words",
    [
        "does not say which checkpoint it was made from",
        "holds neither",
        "has the SHA-256",
        "bytes free and the converted weights need",
    ],
)
def test_the_messages_are_the_servers(words: str) -> None:
    source = (ROOT / "inference/bind_inference/weights/source.py").read_text(encoding="utf-8")
    assert words in PAGE
    assert words in source
