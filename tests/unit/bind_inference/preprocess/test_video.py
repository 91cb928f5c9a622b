"""Videos at the edges: which frames, containers, playlists, sizes. Frame k of a test video is grey 10 k."""

import socket
import threading
from pathlib import Path

import numpy as np
import pytest

from bind_inference.errors import InvalidItem, MediaTooLarge, UnsupportedMedia
from bind_inference.modality import Modality
from bind_inference.pixels import MEAN, STD
from bind_inference.preprocess import Limits, frames, preprocess
from support.media import movie_sound, picture, video


def shown(data: bytes, limits: Limits | None = None) -> list[tuple[int, int]]:
    """Return the numbers of the first and last frame of each of the five clips."""
    views = preprocess(Modality.VIDEO, data, limits or Limits())
    assert views.shape == (15, 3, 2, 224, 224)
    levels = (views[1::3, 0, :, 112, 112] * STD[0] + MEAN[0]) * 255
    return [(round(float(first) / 10), round(float(last) / 10)) for first, last in levels]


EVERY_HALF_SECOND = [number / 2 for number in range(24)]  # twelve seconds


def test_clips_start_at_fifths_of_the_duration_less_two_seconds() -> None:
    """d = 12 s: starts 0, 2, 4, 6, 8; the frame at start + 2 s belongs to the next clip."""
    assert shown(video(EVERY_HALF_SECOND)) == [(0, 3), (4, 7), (8, 11), (12, 15), (16, 19)]


@pytest.mark.parametrize("kind", ["matroska", "webm"])
def test_without_a_duration_the_last_time_stamp_counts(kind: str) -> None:
    """d = 11.5 s: starts 0, 1.9, 3.8, 5.7, 7.6."""
    data = video(EVERY_HALF_SECOND, kind=kind, codec="libvpx" if kind == "webm" else "mpeg4")
    assert shown(data) == [(0, 3), (4, 7), (8, 11), (12, 15), (16, 19)]


@pytest.mark.parametrize("kind", ["mp4", "matroska", "avi", "mpegts"])
def test_jumping_over_gaps_finds_the_frames_of_decoding_all(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = video([number / 25 for number in range(1500)], kind=kind, codec="mpeg4")
    jumped = preprocess(Modality.VIDEO, data)
    monkeypatch.setattr(frames, "_INDEXED", ())
    assert np.array_equal(preprocess(Modality.VIDEO, data), jumped)


def test_long_videos_are_not_decoded_whole() -> None:
    """60 s at 25 a second are 1,500 frames; the five clips are 250, and key frames stand 12 apart."""
    data = video([number / 25 for number in range(1500)])
    assert preprocess(Modality.VIDEO, data, Limits(max_video_frames=400)).shape[0] == 15


def test_a_clip_between_two_frames_shows_the_one_on_show() -> None:
    assert shown(video([0, 10, 20, 30]))[1:3] == [(0, 0), (1, 1)]


def test_a_short_video_is_shown_five_times() -> None:
    views = preprocess(Modality.VIDEO, video([0, 0.2, 0.4, 0.6]))
    assert np.array_equal(views[:3], views[12:])


def test_a_single_frame_is_a_video() -> None:
    assert shown(video([0])) == [(0, 0)] * 5


def test_above_the_limits_is_refused_with_figures() -> None:
    data = video(EVERY_HALF_SECOND)
    with pytest.raises(MediaTooLarge, match="at most 5 are taken"):
        preprocess(Modality.VIDEO, data, Limits(max_video_s=5))
    with pytest.raises(MediaTooLarge, match="over 10 frames"):
        preprocess(Modality.VIDEO, data, Limits(max_video_frames=10))
    with pytest.raises(MediaTooLarge, match="frames of 64 x 48; at most 1000 pixels"):
        preprocess(Modality.VIDEO, data, Limits(max_video_pixels=1000))
    with pytest.raises(MediaTooLarge, match="the long side may be 16 times the short one"):
        preprocess(Modality.VIDEO, video([0, 1], size=(1024, 16)))


@pytest.fixture
def listener() -> "socket.socket":
    listening = socket.create_server(("127.0.0.1", 0))
    listening.settimeout(0.5)
    return listening


def test_playlists_and_descriptions_open_nothing(listener: socket.socket, tmp_path: Path) -> None:
    port = listener.getsockname()[1]
    (tmp_path / "a.mp4").write_bytes(video([0, 1]))
    hostile = [
        f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:{port}/a.ts\n#EXT-X-ENDLIST\n",
        f"ffconcat version 1.0\nfile {tmp_path}/a.mp4\n",
        "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
        f"m=video {port} RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n",
        f'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>http://127.0.0.1:{port}/'
        "</BaseURL></MPD>",
    ]
    threads = threading.active_count()
    for text in hostile:
        for modality in (Modality.VIDEO, Modality.AUDIO):
            with pytest.raises(UnsupportedMedia, match="of a format that is served"):
                preprocess(modality, text.encode())
    with pytest.raises(TimeoutError):
        listener.accept()
    listener.close()
    assert threading.active_count() == threads


@pytest.mark.parametrize("data", [b"nothing", picture(64, 64), b"\x00" * 5000], ids=["text", "png", "zeros"])
def test_what_is_no_video_is_refused(data: bytes) -> None:
    with pytest.raises(UnsupportedMedia, match="not a video of a format that is served"):
        preprocess(Modality.VIDEO, data)


def test_sound_alone_is_told_apart() -> None:
    with pytest.raises(InvalidItem, match="no picture in it"):
        preprocess(Modality.VIDEO, movie_sound(1, kind="mp4", codec="aac"))
    with pytest.raises(InvalidItem, match="empty"):
        preprocess(Modality.VIDEO, b"")


def test_a_truncated_video_is_refused() -> None:
    data = video(EVERY_HALF_SECOND)
    with pytest.raises((InvalidItem, UnsupportedMedia)):
        preprocess(Modality.VIDEO, data[: len(data) // 2])
