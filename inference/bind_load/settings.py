"""The settings of `bind-load`: the model's, which the server has too, and its own."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import CliPositionalArg

from bind_inference.items.windows import LEAST_S, Windows
from bind_inference.settings import ModelSettings, parse_settings
from bind_load import PROGRAM
from bind_load.plan import Rule, parse_rule


class LoadSettings(ModelSettings):
    """Embed a folder of media into a Parquet file.

    SOURCE is a folder, read with all below it, or a file with one text a line. A file's name tells its kind:
    photo.jpg is an image, call.wav audio, walk.csv IMU, note.txt a text; a picture below a folder called
    thermal or depth is one of that kind. Started again, a run that was cut goes on where it was; a file that
    has not changed is not embedded again. Exit status: 0; 1 if files could not be embedded (each has a row
    with its error); 2 for a wrong setting; 3 if the load could not go on; 128 and the signal if interrupted.

    Every option is also an environment variable. An option given on the command line wins.
    """

    source: CliPositionalArg[Path] = Field(description="folder of media, or file with one text a line")
    output: CliPositionalArg[Path] = Field(
        description="Parquet file to write; beside it a folder OUTPUT.parts while the load runs"
    )
    modality: Literal["auto", "text", "image", "audio", "video", "imu", "thermal", "depth"] = Field(
        default="auto", description="what all files are; auto: told by their names"
    )
    rule: list[str] = Field(
        default=[],
        description="GLOB=MODALITY, such as '**/flir_*.png=thermal': what the files of these paths are; may "
        "be given more than once, the first that matches wins",
    )
    window_s: float = Field(
        default=0.0,
        ge=0,
        le=600,
        description="seconds of a window: audio and video have a row for each, with start_s and end_s; 0: "
        "one row for the whole file",
    )
    stride_s: float = Field(
        default=0.0,
        ge=0,
        le=14400,
        description="seconds from the start of a window to that of the next; 0: the same as --window-s",
    )
    url: str | None = Field(
        default=None,
        pattern=r"^https?://",
        description="a running server that embeds, such as http://127.0.0.1:8080; unset: the model runs here",
    )
    api_key: SecretStr | None = Field(
        default=None, description="the API key that the server of --url asks for; a variable only"
    )
    max_in_flight: int = Field(default=32, ge=1, le=4096, description="items that are embedded at once")
    max_in_flight_bytes: int = Field(
        default=256 * 1024 * 1024, ge=1, description="bytes of media that are held for it at once"
    )
    retry_failed: bool = Field(
        default=False, description="try unchanged files again that could not be embedded before"
    )

    @field_validator("rule")
    @classmethod
    def _rules_are_rules(cls, value: list[str]) -> list[str]:
        for rule in value:
            parse_rule(rule)
        return value

    @model_validator(mode="after")
    def _licence(self) -> Self:
        if self.url is not None:
            return self  # it is the server that loads the weights
        checked: Self = super()._licence()  # type: ignore[operator]  # the decorator hides the method
        return checked

    @field_validator("window_s", "stride_s")
    @classmethod
    def _at_least_a_tenth(cls, value: float) -> float:
        if 0 < value < LEAST_S:
            raise ValueError(f"must be {LEAST_S} or more")
        return value

    @model_validator(mode="after")
    def _stride_of_windows(self) -> Self:
        if self.stride_s and not self.window_s:
            raise ValueError("--stride-s is set without --window-s: a stride is that of windows")
        return self

    @property
    def windows(self) -> Windows | None:
        """The windows that are wanted, None for whole files."""
        if not self.window_s:
            return None
        return Windows(round(self.window_s * 1000), round((self.stride_s or self.window_s) * 1000))

    @property
    def rules(self) -> list[Rule]:
        """The parsed `rule`."""
        return [parse_rule(rule) for rule in self.rule]


def read_settings(arguments: Sequence[str]) -> LoadSettings:
    """Return the settings that `arguments` and the environment name; see `parse_settings`."""
    return parse_settings(LoadSettings, arguments, PROGRAM)
