from pathlib import Path

import pytest

from bind_bench.__main__ import choose_precisions, choose_scenarios, command_of, main
from bind_bench.errors import BenchError
from bind_bench.settings import parse_settings


def test_a_quick_run_is_shorter() -> None:
    assert len(choose_scenarios(parse_settings(["--quick"]))) < len(choose_scenarios(parse_settings([])))


def test_scenarios_that_do_not_exist_are_named_with_those_that_do() -> None:
    with pytest.raises(BenchError, match="names no scenario") as caught:
        choose_scenarios(parse_settings(["--only", "smell"]))
    assert "text x8" in caught.value.remedy


def test_a_precision_that_the_server_lacks_is_named() -> None:
    with pytest.raises(BenchError, match="no precision float8"):
        choose_precisions(parse_settings(["--precisions", "float8"]))
    assert choose_precisions(parse_settings(["--precisions", "float32"])) == ["float32"]


def test_the_page_repeats_the_command_without_this_machines_paths(tmp_path: Path) -> None:
    settings = parse_settings(["--peer", str(tmp_path), "--quick", "--rounds", "3"])
    assert command_of(settings) == "make bench-inference PEER=<checkout> QUICK=1 ARGS='--rounds 3'"


def test_a_wrong_setting_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--rounds", "0"]) == 2
    assert "--rounds" in capsys.readouterr().err


def test_a_peer_that_is_none_is_refused_before_anything_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        "bind_bench.servers.ours.ensure_checkpoint", lambda path: pytest.fail("4.8 GB for nothing")
    )
    assert main(["--peer", str(tmp_path)]) == 1
    assert "is no checkout" in capsys.readouterr().err
