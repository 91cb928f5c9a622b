"""The settings of `convert`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self

from pydantic import Field, model_validator

from bind_inference.settings import PROGRAM, WeightsSettings, parse_settings

CONVERT_PROGRAM: Final = f"{PROGRAM} convert"


class ConvertSettings(WeightsSettings):
    """Convert the checkpoint of ImageBindHuge to the safetensors file that servers read.

    The checkpoint is --weights-path, or is downloaded first. Its SHA-256 is checked, and stands in the
    metadata of the file, which is made in the folder OUTPUT: for a volume or an image that servers read with
    --weights-path. The folder needs room for the file, 4.8 GB, and as much again for a download. Run again,
    the command leaves a file that is there alone. Exit status: 0; 1 if it cannot be made; 2 for a wrong
    setting.

    Every option is also an environment variable. An option given on the command line wins.
    """

    output: Path = Field(description="folder to make the file in")

    @model_validator(mode="after")
    def _has_weights(self) -> Self:
        if self.model == "Tiny":
            raise ValueError(
                "--model (BIND_MODEL): Tiny's weights come from a formula, so there is no checkpoint to "
                "convert; choose ImageBindHuge"
            )
        return self


def read_convert_settings(arguments: Sequence[str]) -> ConvertSettings:
    """Return the settings of the convert command; see `parse_settings`."""
    return parse_settings(ConvertSettings, arguments, CONVERT_PROGRAM)
