"""The self-check on a real model: what is served, told and kept."""

import json
import logging
from pathlib import Path

import pytest
import torch

from bind_inference.engine import loading
from bind_inference.engine.loading import load_engine
from bind_inference.engine.precision import Precision
from bind_inference.engine.selfcheck import check
from bind_inference.engine.selfcheck.items import MODALITIES
from bind_inference.engine.selfcheck.result import CheckResult
from bind_inference.engine.selfcheck.result_file import ResultFile, machine_key
from bind_inference.readiness import Phase, Readiness
from bind_inference.settings import Settings

CPU = torch.device("cpu")
NEAR = CheckResult(Precision.BFLOAT16, dict.fromkeys(MODALITIES, 0.9999))


def settings(precision: str, **others: object) -> Settings:
    return Settings.model_validate({"model": "Tiny", "precision": precision, **others})


@pytest.mark.parametrize("precision", ["bfloat16", "int8"])
def test_a_lower_precision_is_checked_and_served(precision: str) -> None:
    phases: list[Readiness] = []
    engine = load_engine(settings(precision), phases.append)
    assert engine.info.precision == precision
    assert engine.info.fingerprint.startswith(f"Tiny-{precision}-")
    (check,) = engine.info.checks
    assert check.precision == precision
    assert set(check.cosines) == set(MODALITIES)
    assert 0.999 < check.least < 1
    assert any("checking" in readiness.detail for readiness in phases)
    assert phases[-1].phase is Phase.WARMING


def test_below_the_limit_the_next_higher_precision_is_taken_and_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        engine = load_engine(settings("int8", precision_min_cosine=0.99999999), lambda _: None)
    assert engine.info.precision == "float32"
    assert [check.precision for check in engine.info.checks] == ["int8", "bfloat16"]
    assert caplog.text.count("self-check failed") == 2


def test_a_known_result_is_not_found_out_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = tmp_path / "kept.json"
    monkeypatch.setattr(loading, "_results_path", lambda _: kept)
    load_engine(settings("int8"), lambda _: None)
    (table,) = json.loads(kept.read_text()).values()
    assert list(table) == ["int8"]

    def never(*_: object) -> CheckResult:
        raise AssertionError("checked again")

    monkeypatch.setattr(check, "lower_checked", never)
    assert load_engine(settings("int8"), lambda _: None).info.precision == "int8"
    # The limit is judged anew, the cosines are not: known to be too far, int8 is not even loaded.
    ResultFile(kept, machine_key(CPU)).put(NEAR)
    engine = load_engine(settings("int8", precision_min_cosine=0.99985), lambda _: None)
    assert engine.info.precision == "bfloat16"
    assert [check.precision for check in engine.info.checks] == ["int8", "bfloat16"]
