"""What two packages say, which must not import each other, is the same."""

from typing import get_args

from bind_inference.model.config import CONFIGS
from bind_inference.model_names import DIMENSIONS, MODEL_NAMES
from bind_inference.settings import Settings
from bind_operator.api import model


def test_the_models_and_their_dimensions() -> None:
    assert list(model.ModelName) == list(MODEL_NAMES)
    assert model.DIMENSIONS == DIMENSIONS
    assert {name: config.out_dim for name, config in CONFIGS.items()} == DIMENSIONS
    assert all(name == config.name for name, config in CONFIGS.items())


def test_the_precisions() -> None:
    assert list(get_args(Settings.model_fields["precision"].annotation)) == list(model.Precision)


def test_a_model_that_is_not_named() -> None:
    assert Settings.model_fields["model"].default == model.Model().name
    assert Settings.model_fields["precision"].default == model.Model().precision
