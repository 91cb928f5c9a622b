"""The settings of a run."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from bind_local.paths import REPO


class Settings(BaseSettings):
    """Benchmark the ImageBind server, beside the peer where a checkout of it is given."""

    model_config = SettingsConfigDict(
        frozen=True, cli_prog_name="python -m bind_bench", cli_kebab_case=True, cli_hide_none_type=True,
        cli_avoid_json=True, cli_implicit_flags=True, env_prefix="BIND_BENCH_", env_ignore_empty=True,
    )  # fmt: skip

    peer: str = Field("", description="checkout of weaviate/multi2vec-bind-inference; empty: ours alone")
    quick: bool = Field(False, description="about ten minutes: fewer scenarios, rounds and clients")
    rounds: int | None = Field(None, ge=1, description="rounds of each scenario; unset: 5, and 2 when quick")
    seconds: float | None = Field(None, gt=0, description="length of a scenario; unset: 8, and 4 when quick")
    only: str = Field(
        "", description="scenarios, separated by commas: text, image, video, mixed, 'text x8', …"
    )
    precisions: str = Field("", description="of ours, separated by commas; empty: all that the server has")
    page: Path = Field(REPO / "docs" / "benchmarks.md", description="where the page is written")


def parse_settings(arguments: Sequence[str]) -> Settings:
    """Return the settings; `--help` prints them and exits. Raises ValidationError."""
    return Settings(_cli_parse_args=list(arguments))


def split_list(text: str) -> list[str]:
    """Return the words between commas."""
    return [word.strip() for word in text.split(",") if word.strip()]
