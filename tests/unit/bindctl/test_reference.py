"""The page of bindctl is made of what each command says, and each says what a page of a manual does."""

from pathlib import Path

import pytest

from bindctl import reference
from bindctl.commands import main

WITH_STATUSES = sorted(set(main.commands) - {"completion"})


def test_the_page_is_fresh() -> None:
    assert (reference.ROOT / reference.PAGE).read_text(encoding="utf-8") == reference.build_page()


def test_a_stale_page_is_told_and_then_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert reference.main(["--check"], tmp_path) == 1
    assert capsys.readouterr().out == "docs/reference/bindctl.md: stale; run `make generate`\n"
    assert reference.main([], tmp_path) == 0
    assert reference.main(["--check"], tmp_path) == 0


@pytest.mark.parametrize("name", main.commands)
def test_a_command_describes_each_option_and_gives_examples_that_are_commands(name: str) -> None:
    command = main.commands[name]
    for option in command.params:
        help_text = getattr(option, "help", None)
        assert option.param_type_name == "argument" or help_text or option.name == "output", option.name
    epilog = command.epilog or ""
    assert "Examples:" in epilog
    assert f"bindctl {name} " in epilog
    assert (name not in WITH_STATUSES) or "Exit status:" in epilog
