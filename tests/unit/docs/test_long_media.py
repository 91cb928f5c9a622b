"""The page of long media tells every option and the limits that the server has."""

import re
from pathlib import Path

from bind_inference.items.schemas import WindowOptions
from bind_inference.modality import Modality
from bind_inference.preprocess import Limits
from bind_inference.scheduling.windows import AT_ONCE, GROUP_BYTES
from bind_inference.service_class import QUERY_ITEMS
from bind_inference.settings import Settings
from bind_inference.settings.reference import options_of
from bind_load.embedder import PAGE_WINDOWS

PAGE = (Path(__file__).parents[3] / "docs" / "how-to" / "long-media.md").read_text(encoding="utf-8")


def test_every_option_is_told() -> None:
    table = PAGE.partition("| Option |")[2].partition("\n\n")[0]
    assert set(re.findall(r"`(\w+)`", table)) == set(WindowOptions.model_fields)
    assert WindowOptions().length_s == 2


def test_every_flag_is_one_of_the_server() -> None:
    flags = set(re.findall(r"`(--[\w-]+)`", PAGE.partition("## What it costs")[2]))
    assert flags
    assert flags <= {option.flag for option in options_of(Settings)}


def test_the_limits_are_those_of_the_code() -> None:
    fields, limits = Settings.model_fields, Limits()
    assert f"| {fields['max_request_windows'].default}, `--max-request-windows`" in PAGE
    assert f"| {fields['request_timeout_s'].default:g} s, `--request-timeout-s`" in PAGE
    assert f"| {fields['max_item_bytes'].default >> 20} MiB, `--max-item-bytes`; the body 128 MiB" in PAGE
    assert (limits.max_audio_s, limits.max_video_s) == (3600, 4 * 3600)
    assert f"| {limits.max_video_frames:,} |" in PAGE
    assert f"at most {GROUP_BYTES >> 20} MiB of them" in PAGE
    assert (AT_ONCE, QUERY_ITEMS, PAGE_WINDOWS) == (2, 8, 256)
    assert (Modality.AUDIO.entry.clips, Modality.VIDEO.entry.clips) == (3, 5)
