"""The page of bind-load's settings is made from them."""

from pathlib import Path

import pytest

from bind_inference.settings import ModelSettings
from bind_load import generate
from bind_load.settings import LoadSettings


def test_every_setting_of_its_own_is_told_once_and_none_of_the_model() -> None:
    page = generate.render()
    for name in LoadSettings.model_fields.keys() - {"source", "output"}:
        rows = page.count(f"| `BIND_{name.upper()}` |")
        assert rows == (name not in ModelSettings.model_fields), name
    assert page.count("| `SOURCE` |") == page.count("| `OUTPUT` |") == 1


def test_a_stale_page_is_told_and_then_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert generate.main(["--check"], tmp_path) == 1
    assert capsys.readouterr().out == "docs/reference/bind-load.md: stale; run `make generate`\n"
    assert generate.main([], tmp_path) == 0
    assert generate.main(["--check"], tmp_path) == 0
