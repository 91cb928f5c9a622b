"""What a self-check keeps, and what auto means; tests/parity checks real models."""

from pathlib import Path

import pytest
import torch

from bind_inference.engine.loading import choose_precision
from bind_inference.engine.precision import Precision
from bind_inference.engine.selfcheck.check import least_cosine
from bind_inference.engine.selfcheck.items import MODALITIES, items
from bind_inference.engine.selfcheck.result import CheckResult
from bind_inference.engine.selfcheck.result_file import ResultFile, machine_key
from bind_inference.modality import Modality
from bind_inference.settings import Settings

CPU = torch.device("cpu")
NEAR: dict[Modality, float] = dict.fromkeys(MODALITIES, 0.9999)
FAR = {**NEAR, Modality.AUDIO: 0.97}


def test_the_items_are_distinct_and_as_the_model_takes_them() -> None:
    shapes = {modality: tuple(items(modality).shape) for modality in MODALITIES}
    assert shapes == {
        Modality.TEXT: (4, 77),
        Modality.IMAGE: (2, 3, 224, 224),
        Modality.AUDIO: (2, 3, 1, 128, 204),
        Modality.IMU: (2, 6, 2000),
        Modality.THERMAL: (2, 1, 224, 224),
        Modality.DEPTH: (2, 1, 224, 224),
    }
    for modality in MODALITIES:
        made = items(modality)
        assert not torch.equal(made[0], made[1])
        assert torch.equal(made, items(modality)), "each time the same"


def test_cosines_of_vectors_that_are_not_finite_count_as_the_worst() -> None:
    good = torch.tensor([[1.0, 0.0], [1.0, 1.0]])
    assert least_cosine(good, 2 * good) == pytest.approx(1)
    assert least_cosine(good, torch.tensor([[1.0, 0.0], [1.0, -1.0]])) == pytest.approx(0)
    assert least_cosine(good, torch.tensor([[1.0, 0.0], [torch.nan, 1.0]])) == -1


def test_the_worst_modality_decides() -> None:
    assert CheckResult(Precision.INT8, NEAR).passes(0.995)
    assert not CheckResult(Precision.INT8, FAR).passes(0.995)
    assert CheckResult(Precision.INT8, FAR).describe() == "int8: least cosine to float32 0.97000 (audio)"


def test_results_are_kept_for_one_kind_of_machine(tmp_path: Path) -> None:
    path = tmp_path / "x.selfcheck.json"
    here, there = ResultFile(path, "here"), ResultFile(path, "there")
    here.put(CheckResult(Precision.INT8, FAR))
    here.put(CheckResult(Precision.BFLOAT16, NEAR))
    assert here.get(Precision.INT8) == CheckResult(Precision.INT8, FAR)
    assert here.get(Precision.BFLOAT16) == CheckResult(Precision.BFLOAT16, NEAR)
    assert there.get(Precision.INT8) is None
    there.put(CheckResult(Precision.INT8, NEAR))
    assert here.get(Precision.INT8) == CheckResult(Precision.INT8, FAR)
    assert [path.name for path in tmp_path.iterdir()] == ["x.selfcheck.json"]


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[1]",
        "3",
        '{"here": 3}',
        '{"here": {"int8": 3}}',
        '{"here": {"int8": {"smell": 1}}}',
        '{"here": {"int8": {}}}',
    ],
)
def test_a_damaged_file_counts_as_none_and_is_written_over(tmp_path: Path, content: str) -> None:
    path = tmp_path / "x.selfcheck.json"
    path.write_text(content)
    file = ResultFile(path, "here")
    assert file.get(Precision.INT8) is None
    file.put(CheckResult(Precision.INT8, NEAR))
    assert file.get(Precision.INT8) == CheckResult(Precision.INT8, NEAR)


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    ResultFile(tmp_path / "missing" / "x.json", "here").put(CheckResult(Precision.INT8, NEAR))
    assert "cannot be kept" in caplog.text


def test_the_key_tells_torch_and_the_processor() -> None:
    assert torch.__version__ in machine_key(CPU)


def settings(precision: str, **others: object) -> Settings:
    return Settings.model_validate({"model": "Tiny", "precision": precision, **others})


def test_auto_is_exact_for_tiny_and_what_the_processor_multiplies_for_the_rest() -> None:
    assert choose_precision(settings("auto"), CPU) is Precision.FLOAT32
    huge = settings("auto", model="ImageBindHuge", license_accepted=True)
    assert choose_precision(huge, CPU) in {Precision.BFLOAT16, Precision.FLOAT32}
    assert choose_precision(settings("int8"), CPU) is Precision.INT8
