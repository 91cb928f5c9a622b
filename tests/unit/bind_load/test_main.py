"""bind-load says the same under its own name and under the old one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bind_inference.__main__ import main as old_door
from bind_load.__main__ import main

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize("start", [main, lambda arguments: old_door(["load", *arguments])])
def test_a_wrong_setting_is_one_line_and_status_2(
    start: Callable[[list[str]], int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert start(["photos", "vectors.parquet", "--model", "tiny", "--max-in-flight", "0"]) == 2
    assert capsys.readouterr().err == (
        "bind-load: --max-in-flight (BIND_MAX_IN_FLIGHT): must be 1 or more, not '0'\n"
    )
