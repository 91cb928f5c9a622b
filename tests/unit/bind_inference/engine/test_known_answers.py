"""A model that was loaded is held against what its weights are known to answer."""

import logging
import os
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from bind_inference.engine import loading
from bind_inference.engine.loading import load_engine
from bind_inference.engine.precision import Precision
from bind_inference.engine.selfcheck.known import find_strange
from bind_inference.model import ImageBind
from bind_inference.readiness import Readiness
from bind_inference.settings import Settings
from bind_inference.weights.errors import WeightsError
from bind_inference.weights.known_answers import all_answers, pack_answers, unpack_answers
from bind_inference.weights.reading import convert_weights, named_source, read_weights
from bind_inference.weights.source import converted_name
from support.checkpoint import published, published_sha256, small

__all__ = ["published", "published_sha256", "small"]

WEIGHT = "modality_trunks.text.blocks.1.mlp.fc2.weight"
TOLD = "does not give its known answers"


@pytest.fixture
def settings(small: str, tmp_path: Path, published: Path, published_sha256: str) -> Settings:
    return Settings.model_validate(
        {
            "model": small,
            "license_accepted": True,
            "weights_path": published,
            "weights_sha256": published_sha256,
            "cache_dir": tmp_path / "cache",
            "precision": "float32",
        }
    )


@pytest.fixture
def target(settings: Settings, small: str, published_sha256: str) -> Path:
    return settings.cache_dir / converted_name(small, published_sha256)


def damage_within_a_boot(file: Path) -> None:
    """Let a tensor be other numbers, of a file that looks as it did: no sum is taken before the next boot."""
    before = file.stat()
    with safe_open(file, framework="pt") as opened:
        metadata = opened.metadata()
    raw, tensors = file.read_bytes(), load_file(file)
    wrong = tensors[WEIGHT].numpy().tobytes()
    assert raw.count(wrong) == 1
    with file.open("r+b") as opened_file:
        opened_file.seek(raw.index(wrong))
        opened_file.write(bytes(len(wrong)))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert metadata["content_sum"]


def text_of(engine: object) -> torch.Tensor:
    model: ImageBind = engine._model  # type: ignore[attr-defined]
    return all_answers(model)["text"]


def test_a_converted_file_of_ours_that_went_wrong_within_a_boot_is_made_anew_once(
    settings: Settings, target: Path, caplog: pytest.LogCaptureFixture
) -> None:
    right = text_of(load_engine(settings, lambda _: None))
    damage_within_a_boot(target)
    phases = list[Readiness]()
    with caplog.at_level(logging.WARNING):
        engine = load_engine(settings, phases.append)
    assert torch.allclose(text_of(engine), right, atol=1e-5)
    assert caplog.text.count(TOLD) == 1
    assert "the converted weights are damaged and are made anew" in caplog.text
    assert "convert" in {readiness.detail for readiness in phases}
    caplog.clear()
    load_engine(settings, lambda _: None)
    assert TOLD not in caplog.text


def test_one_of_somebody_else_is_left_and_named(
    settings: Settings, small: str, tmp_path: Path, published: Path, published_sha256: str
) -> None:
    volume = tmp_path / "volume"
    file = convert_weights(small, named_source(published, sha256=published_sha256), volume)
    theirs = settings.model_copy(update={"weights_path": volume})
    load_engine(theirs, lambda _: None)
    damage_within_a_boot(file)
    content = file.read_bytes()
    with pytest.raises(WeightsError, match=r"is damaged .*; copy or convert it again") as caught:
        load_engine(theirs, lambda _: None)
    assert str(file) in str(caught.value)
    assert file.read_bytes() == content


def wrong_arithmetic(monkeypatch: pytest.MonkeyPatch, among: set[Precision]) -> None:
    lower = loading.lower

    def wrongly(model: ImageBind, encoder: str, precision: Precision, device: torch.device) -> None:
        if encoder == "depth" and precision in among:
            norm = model.modality_trunks["depth"].get_submodule("blocks.0.norm_1")
            norm.weight = torch.nn.Parameter(torch.zeros(norm.get_parameter("weight").shape), False)
        lower(model, encoder, precision, device)

    monkeypatch.setattr(loading, "lower", wrongly)


def test_a_machine_that_computes_wrongly_is_told_and_the_file_stays(
    settings: Settings, target: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    load_engine(settings, lambda _: None)
    inode = target.stat().st_ino
    wrong_arithmetic(monkeypatch, set(Precision))
    with pytest.raises(
        WeightsError, match=r"its known answers \(depth: cosine .*\) although its file is whole"
    ):
        load_engine(settings, lambda _: None)
    assert target.stat().st_ino == inode


def test_a_precision_that_computes_wrongly_gives_way_to_the_next(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    lowered = settings.model_copy(update={"precision": "int8"})
    assert load_engine(lowered, lambda _: None).info.precision == "int8"  # the self-check is done with
    wrong_arithmetic(monkeypatch, {Precision.INT8})
    with caplog.at_level(logging.WARNING):
        engine = load_engine(lowered, lambda _: None)
    assert engine.info.precision == "bfloat16"
    assert "the next higher precision is taken" in caplog.text


@pytest.mark.parametrize("precision", ["bfloat16", "int8"])
def test_a_right_model_gives_them_at_every_precision(
    settings: Settings, precision: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        engine = load_engine(settings.model_copy(update={"precision": precision}), lambda _: None)
    assert engine.info.precision == precision
    assert TOLD not in caplog.text


def test_every_encoder_is_asked(settings: Settings, small: str) -> None:
    source = named_source(settings.weights_path, sha256=settings.weights_sha256)
    for encoder in ("vision", "text", "audio", "thermal", "depth", "imu"):
        weights = read_weights(small, source, settings.cache_dir)
        assert not find_strange(weights, Precision.FLOAT32)
        for part in weights.model.parts(encoder):
            for parameter in part.parameters():
                parameter.data = torch.zeros_like(parameter)
        assert set(find_strange(weights, Precision.FLOAT32)) == {encoder}


def test_a_file_of_before_has_none_and_is_taken(
    settings: Settings, target: Path, published_sha256: str, caplog: pytest.LogCaptureFixture
) -> None:
    load_engine(settings, lambda _: None)
    save_file(load_file(target), target, metadata={"source_sha256": published_sha256})
    with caplog.at_level(logging.WARNING):
        load_engine(settings, lambda _: None)
    assert TOLD not in caplog.text


def test_answers_that_are_none_count_as_none() -> None:
    answers = {"text": torch.tensor([1.0, -2.5])}
    found = unpack_answers(pack_answers(answers))
    assert found is not None
    assert torch.equal(found["text"], answers["text"])
    for packed in (None, "", "{}", "[]", '{"version": 0, "vectors": {}}', '{"version": 1, "vectors": [1]}'):
        assert unpack_answers(packed) is None
