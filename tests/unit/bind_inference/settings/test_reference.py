"""What a reader learns of a setting comes from its one definition."""

from pathlib import Path
from typing import Literal

import pytest
from pydantic import Field
from pydantic_settings import BaseSettings, CliPositionalArg

from bind_inference.settings.reference import Option, build_help, build_page, options_of


class Sample(BaseSettings):
    """Do something.

    At length.
    """

    folder: CliPositionalArg[Path] = Field(description="what to read")
    kind: Literal["a", "b"] = Field(default="a", description="a | or b")
    limit_bytes: int = Field(default=64 << 20, description="most bytes")
    wait_s: float = Field(default=2.0, description="patience")
    quiet: bool = Field(default=False, description="say nothing")
    url: str | None = Field(default=None, description="where; unset: here")
    rule: list[str] = Field(default=[], description="rules")
    enable_cuda: bool = Field(default=False, description="on a GPU")


@pytest.mark.parametrize(
    "option",
    [
        Option("FOLDER", "BIND_FOLDER", "PATH", "", "what to read", positional=True),
        Option("--kind", "BIND_KIND", "a|b", "a", "a | or b", positional=False),
        Option(
            "--limit-bytes", "BIND_LIMIT_BYTES", "BYTES", "67108864 (64 MiB)", "most bytes", positional=False
        ),
        Option("--wait-s", "BIND_WAIT_S", "SECONDS", "2", "patience", positional=False),
        Option("--quiet", "BIND_QUIET", "true|false", "false", "say nothing", positional=False),
        Option("--url", "BIND_URL", "URL", "", "where; unset: here", positional=False),
        Option("--rule", "BIND_RULE", "TEXT", "", "rules", positional=False),
        Option("--enable-cuda", "ENABLE_CUDA", "true|false", "false", "on a GPU", positional=False),
    ],
    ids=lambda option: option.flag,
)
def test_a_setting_is_written_with_its_unit_and_default(option: Option) -> None:
    assert option in options_of(Sample)


def test_help_opens_with_the_usage_and_the_docstring() -> None:
    assert build_help(Sample, "prog").startswith(
        "usage: prog [--flag value …] FOLDER\n\nDo something.\n\nAt length.\n\n  FOLDER\n      what to read"
    )


def test_help_fits_a_terminal() -> None:
    assert max(len(line) for line in build_help(Sample, "prog").splitlines()) < 100


def test_the_page_leaves_out_what_another_section_tells_and_escapes_bars() -> None:
    page = build_page("Settings", [("One", "Words.", Sample, {"folder", "rule"})])
    assert "## One\n\nWords.\n" in page
    assert "`--rule`" not in page
    assert "| `--kind` | `BIND_KIND` | a\\|b | a | a \\| or b |\n" in page
