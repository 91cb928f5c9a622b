"""The page of settings is made from the settings."""

from pathlib import Path

import pytest

from bind_inference import generate
from bind_inference.convert.settings import ConvertSettings
from bind_inference.settings import FOREIGN_NAMES, Settings


def test_every_setting_is_written_once() -> None:
    page = generate.render()
    for name in {*Settings.model_fields, *ConvertSettings.model_fields}:
        assert page.count(f"| `{FOREIGN_NAMES.get(name, f'BIND_{name.upper()}')}` |") == 1


def test_a_missing_or_stale_page_is_named_and_then_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert generate.main(["--check"], tmp_path) == 1
    assert "docs/reference/inference.md: stale" in capsys.readouterr().out
    assert not (tmp_path / generate.PAGE).exists()
    assert generate.main([], tmp_path) == 0
    assert generate.main(["--check"], tmp_path) == 0
    page = tmp_path / generate.PAGE
    page.write_text(page.read_text() + "more\n")
    assert generate.main(["--check"], tmp_path) == 1
