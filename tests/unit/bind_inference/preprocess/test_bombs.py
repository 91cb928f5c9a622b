"""Small files that would become large, or take for ever, if nothing bounded them.

Each is refused with both figures, or turns out to be harmless; within a decoder's memory and few seconds.
"""

import io
import os
import resource
import struct
import time
import zlib
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from PIL import Image

from bind_inference.errors import BindError, InvalidItem, MediaTooLarge, UnsupportedMedia
from bind_inference.modality import Modality
from bind_inference.preprocess import preprocess
from support.media import picture, png_that_claims, sound, tone, video

HARMLESS = None
MOST_S = 5.0
MOST_BYTES = 1 << 30
_ZEROS = zlib.compress(bytes(50_000_000), 9)


def png(extra: bytes = b"", size: tuple[int, int] = (64, 64), pixels: bytes | None = None) -> bytes:
    width, height = size
    raw = pixels or zlib.compress((b"\0" + b"\x80" * 3 * width) * height, 9)
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + extra + chunk(b"IDAT", raw) + chunk(b"IEND", b"")


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def saved(kind: str, *pictures: Image.Image, **options: object) -> bytes:
    out = io.BytesIO()
    first, *rest = pictures
    many = {"save_all": True, "append_images": rest} if rest else {}
    first.save(out, kind, **many, **options)
    return out.getvalue()


def frames(count: int, mode: str = "RGB") -> list[Image.Image]:
    return [Image.new("RGB", (64, 64), (n % 256, n // 256, 0)).convert(mode) for n in range(count)]


def patched(data: bytes, after: bytes, offset: int, form: str, *numbers: int) -> bytes:
    start = data.index(after) + len(after) + offset
    return data[:start] + struct.pack(form, *numbers) + data[start + struct.calcsize(form) :]


def tiff(pixels: bytes = bytes(4096), **changed: tuple[int, int, int | bytes]) -> bytes:
    """Return a TIFF of one strip, 64 x 64, whose directory names itself as the next.

    changed: (type, count, value) of a tag; bytes are values that do not fit into it.
    """
    tags: dict[str, tuple[int, int, int | bytes]] = {
        "t256": (4, 1, 64), "t257": (4, 1, 64), "t258": (3, 1, 8), "t259": (3, 1, 1), "t262": (3, 1, 1),
        "t273": (4, 1, 122), "t277": (3, 1, 1), "t278": (4, 1, 64), "t279": (4, 1, len(pixels)),
    }  # fmt: skip
    tags |= changed
    entries, values, values_at = b"", b"", 14 + 12 * len(tags)
    for name, (kind, count, value) in sorted(tags.items()):
        place = values_at + len(values) if isinstance(value, bytes) else value
        entries += struct.pack("<HHII", int(name[1:]), kind, count, place)
        values += value if isinstance(value, bytes) else b""
    head = b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(tags))
    return head + entries + struct.pack("<I", 8) + values + pixels


def many_scans() -> bytes:
    whole = saved("JPEG", Image.new("RGB", (2000, 2000)), progressive=True)
    last = whole.rindex(b"\xff\xda")
    return whole[:-2] + whole[last:-2] * 20_000 + whole[-2:]


def jpeg2000(*size: int) -> bytes:
    """size: width, height, offsets of the picture, then the same four of the tiles."""
    return patched(saved("JPEG2000", Image.new("RGB", (64, 64))), b"\xff\x51", 4, ">8I", *size)


def webp_that_claims(side: int) -> bytes:
    size = (side - 1).to_bytes(3, "little") * 2
    whole = saved("WEBP", Image.new("RGB", (64, 64)), lossless=True)
    body = b"WEBPVP8X" + struct.pack("<I", 10) + b"\x02\0\0\0" + size
    body += b"ANIM" + struct.pack("<I", 6) + bytes(6) + whole[12:]
    return b"RIFF" + struct.pack("<I", len(body)) + body


def icon(inside: bytes) -> bytes:
    return struct.pack("<HHHBBBBHHII", 0, 1, 1, 0, 0, 0, 0, 1, 32, len(inside), 22) + inside


def bitmap(width: int, height: int, runs: bytes) -> bytes:
    start = 14 + 40 + 1024
    head = b"BM" + struct.pack("<IHHI", start + len(runs), 0, 0, start)
    head += struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, len(runs), 0, 0, 256, 0)
    return head + bytes(1024) + runs


PICTURES: dict[str, tuple[Callable[[], bytes], type[BindError] | None, str]] = {
    "a PNG of 3,600 megapixels": (lambda: png_that_claims(60_000, 60_000), MediaTooLarge, "3600000000 pix"),
    "a PNG of 64 megapixels in 200 kB": (lambda: png(size=(7999, 7999)), HARMLESS, ""),
    "more data than pixels": (lambda: png(pixels=_ZEROS), HARMLESS, ""),
    "a deflate bomb as text": (lambda: png(chunk(b"zTXt", b"k\0\0" + _ZEROS)), InvalidItem, "too large"),
    "one as international text": (
        lambda: png(chunk(b"iTXt", b"k\0\1\0\0\0" + _ZEROS)), InvalidItem, "too large",
    ),
    "one as colour profile": (lambda: png(chunk(b"iCCP", b"k\0\0" + _ZEROS)), InvalidItem, "too large"),
    "two hundred small ones": (
        lambda: png(chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(900_000))) * 200), InvalidItem, "memory",
    ),
    "a colour profile of 3 MB": (
        lambda: saved("JPEG", Image.new("RGB", (64, 64)), icc_profile=os.urandom(3_000_000)), HARMLESS, "",
    ),
    "a GIF of 500 frames": (lambda: saved("GIF", *frames(500, "P")), HARMLESS, ""),
    "a GIF on a screen of 65,535": (
        lambda: patched(saved("GIF", *frames(1)), b"GIF", 3, "<HH", 65_535, 65_535), MediaTooLarge,
        "4294836225",
    ),
    "a TIFF of 300 pages": (lambda: saved("TIFF", *frames(300, "L")), HARMLESS, ""),
    "a TIFF whose directory is its next": (tiff, HARMLESS, ""),
    "a TIFF of 1,000,000,000 strips": (lambda: tiff(t273=(4, 10**9, 122)), UnsupportedMedia, "not a picture"),
    "a TIFF of 2,000,000 strips": (
        lambda: tiff(t273=(4, 2_000_000, struct.pack("<I", 122) * 2_000_000)), HARMLESS, "",
    ),
    "a TIFF of 65,535 samples a pixel": (lambda: tiff(t277=(3, 1, 65_535)), UnsupportedMedia, "not a pic"),
    "a TIFF of 2^31 columns": (lambda: tiff(t256=(4, 1, 2**31 - 1)), MediaTooLarge, "137438953408 pixels"),
    "a TIFF with a deflate bomb": (lambda: tiff(_ZEROS, t259=(3, 1, 8)), HARMLESS, ""),
    "an animated WebP": (lambda: saved("WEBP", *frames(100)), HARMLESS, ""),
    "an animated WebP of 268 megapixels": (lambda: webp_that_claims(16_384), InvalidItem, "decoder"),
    "an animated AVIF": (lambda: saved("AVIF", *frames(50)), HARMLESS, ""),
    "a JPEG 2000 of 2^62 pixels": (
        lambda: jpeg2000(2**31 - 1, 2**31 - 1, 0, 0, 64, 64, 0, 0), InvalidItem, "not a decodable picture",
    ),
    "a JPEG 2000 of 64 million tiles": (
        lambda: jpeg2000(7999, 7999, 0, 0, 1, 1, 0, 0), InvalidItem, "not a decodable picture",
    ),
    "a JPEG 2000 of one endless tile": (
        lambda: jpeg2000(64, 64, 0, 0, 2**31 - 1, 2**31 - 1, 0, 0), HARMLESS, "",
    ),
    "a JPEG of 20,000 scans": (many_scans, MediaTooLarge, "scans; at most 500"),
    "an icon with a PNG of 3,600 megapixels": (
        lambda: icon(png_that_claims(60_000, 60_000)), MediaTooLarge, "3600000000",
    ),
    "an icon with a PNG of 169 megapixels": (
        lambda: icon(png_that_claims(13_000, 13_000)), BindError, "",
    ),
    "an icon of 65,535 pictures": (
        lambda: struct.pack("<HHH", 0, 1, 65_535) + icon(b"")[6:] * 65_535,
        BindError, "",
    ),
    "a bitmap of jumps": (lambda: bitmap(7999, 7999, b"\0\2\xff\xff" * 10_000 + b"\0\1"), HARMLESS, ""),
    "a PPM of 3,600 megapixels": (lambda: b"P6 60000 60000 255\n", MediaTooLarge, "3600000000"),
    "60 MB of numbers as text": (
        lambda: b"P3 4000 4000 255\n" + b"1 " * 30_000_000, MediaTooLarge, "60,000,017 bytes of a picture",
    ),
    "48 MB of 255 levels": (
        lambda: b"P6 4000 4000 254\n" + bytes(48_000_000), MediaTooLarge, "at most 16,000,000 are taken",
    ),
    "60 MB of runs": (lambda: bitmap(7999, 7999, b"\1\5" * 30_000_000), MediaTooLarge, "save it as PNG"),
    "an icon of 60 MB of runs": (
        lambda: icon(bitmap(256, 512, b"\1\5" * 30_000_000)[14:]), MediaTooLarge, "save it as PNG",
    ),
    "millions of comments": (
        lambda: b"P2 64 64 255\n" + b"#\n" * 3_000_000 + b"1 " * 4096, HARMLESS, "",
    ),
    "a head of 60 MB of blanks": (
        lambda: b"P6" + b"\n" * 60_000_000 + b"8 8 255\n" + bytes(192), InvalidItem, "head of the picture",
    ),
    "a head with a comment of 60 MB": (
        lambda: b"P4 8 #" + b"a" * 60_000_000 + b"\n8 " + bytes(8), InvalidItem, "within 65,536 bytes",
    ),
}  # fmt: skip


SHORT = video([n / 10 for n in range(30)])
VIDEOS: dict[str, tuple[Callable[[], bytes], type[BindError] | None, str]] = {
    "2^32 time stamps": (lambda: patched(SHORT, b"stts", 4, ">I", 2**32 - 1), BindError, ""),
    "2^28 chunks": (lambda: patched(SHORT, b"stsc", 4, ">I", 2**28), BindError, ""),
    "2^31 samples of one byte": (
        lambda: patched(SHORT, b"stsz", 4, ">II", 1, 2**31 - 1), BindError, "not a video that can be decoded",
    ),
    "a time base of 0": (lambda: patched(SHORT, b"mdhd", 12, ">I", 0), HARMLESS, ""),
    "a time base of 1/2^32": (lambda: patched(SHORT, b"mdhd", 12, ">I", 2**32 - 1), HARMLESS, ""),
    "a duration of 49,710 days": (lambda: patched(SHORT, b"mdhd", 12, ">II", 1, 2**32 - 2), HARMLESS, ""),
    "a frame every 2^31 ticks": (lambda: patched(SHORT, b"stts", 12, ">I", 2**31 - 1), HARMLESS, ""),
    "five hours": (lambda: video([0, 0.1, 5 * 3600]), MediaTooLarge, "18000 s of video; at most 14400"),
    "frames of 16 x 4,000": (
        lambda: video([0, 0.1], size=(16, 4000)), MediaTooLarge, "long side may be 16 times the short one",
    ),
    "a GIF of frames that stay": (
        lambda: saved("GIF", *frames(30), duration=655_350), MediaTooLarge, "s of video; at most 14400",
    ),
    "an AVI whose frames last for years": (
        lambda: patched(video([0, 0.1, 0.2], kind="avi"), b"strh", 24, "<I", 2**32 - 1), MediaTooLarge,
        "s of video",
    ),
    "a playlist": (
        lambda: b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:1/a.ts\n", UnsupportedMedia,
        "",
    ),
    "a list of files": (lambda: b"ffconcat version 1.0\nfile /etc/passwd\n", UnsupportedMedia, ""),
}  # fmt: skip


def wav(
    channels: int = 1,
    rate: int = 16_000,
    bits: int = 16,
    data: bytes = bytes(64_000),
    said: int | None = None,
) -> bytes:
    frame = channels * bits // 8
    form = struct.pack(
        "<HHIIHH", 1, channels, rate, rate * frame & 0xFFFFFFFF, frame & 0xFFFF, bits
    )  # fmt: skip
    size = struct.pack("<I", len(data) if said is None else said)
    return b"RIFF" + struct.pack("<I", 36 + len(data)) + b"WAVEfmt \x10\0\0\0" + form + b"data" + size + data


AUDIO: dict[str, tuple[Callable[[], bytes], type[BindError] | None, str]] = {
    "no samples a second": (lambda: wav(rate=0), BindError, ""),
    "one sample a second": (lambda: wav(rate=1, data=bytes(6000)), HARMLESS, ""),
    "too many seconds of one sample": (lambda: wav(rate=1), MediaTooLarge, "over 3600 s of audio"),
    "4,294,967,295 samples a second": (lambda: wav(rate=2**32 - 1), BindError, ""),
    "1,000,000 samples a second": (
        lambda: wav(rate=1_000_000), MediaTooLarge, "1000000 samples a second; 1 to 768000",
    ),
    "767,999 samples a second": (lambda: wav(rate=767_999, data=bytes(3_200_000)), HARMLESS, ""),
    "33 channels": (lambda: wav(channels=33), MediaTooLarge, "33 channels; 1 to 32"),
    "65,535 channels": (lambda: wav(channels=65_535), BindError, ""),
    "no channels": (lambda: wav(channels=0), BindError, ""),
    "samples of 65,535 bits": (lambda: wav(bits=65_535), BindError, ""),
    "4 GB that are not there": (lambda: wav(said=2**32 - 1), HARMLESS, ""),
    "an hour of silence in 89 kB": (
        lambda: sound(np.zeros(8000 * 3590, np.float32), 8000, kind="FLAC"), HARMLESS, "",
    ),
    "more than an hour": (
        lambda: sound(np.zeros(8000 * 3610, np.float32), 8000, kind="FLAC"), MediaTooLarge, "over 3600 s",
    ),
    "2^36 samples that are not there": (
        lambda: patched(tone(2, kind="FLAC"), b"fLaC", 18, ">I", 2**32 - 1), BindError, "",
    ),
}  # fmt: skip

HEAD = b"gyro_x,gyro_y,gyro_z,accl_x,accl_y,accl_z\n"
IMU: dict[str, tuple[Callable[[], bytes], type[BindError] | None, str]] = {
    "one line of 30 million cells": (
        lambda: HEAD + b"1," * 30_000_000, InvalidItem, "line 2 has 30000001 columns, not 6",
    ),
    "one cell of 60 MB": (
        lambda: HEAD + b"1" * 60_000_000 + b",1,1,1,1,1\n", InvalidItem,
        "line 2 has 60000010 characters; at most 1000",
    ),
    "60 million blank lines": (
        lambda: HEAD + b"\n" * 60_000_000, MediaTooLarge, "60000001 lines; at most 1000000 rows",
    ),
    "60 million line ends of another kind": (
        lambda: HEAD + b"\r" * 60_000_000, MediaTooLarge, "60000000 lines; at most 1000000 rows",
    ),
    "5 million rows": (lambda: HEAD + b"1,1,1,1,1,1\n" * 5_000_000, MediaTooLarge, "at most 1000000 rows"),
    "60 MB of blanks": (lambda: HEAD + b" " * 60_000_000, InvalidItem, "no rows"),
    "a million rows": (lambda: HEAD + b"1,1,1,1,1,1\n" * 1_000_000, HARMLESS, ""),
}  # fmt: skip
BOMBS = [
    (modality, name)
    for modality, bombs in (
        (Modality.IMAGE, PICTURES), (Modality.VIDEO, VIDEOS), (Modality.AUDIO, AUDIO), (Modality.IMU, IMU),
    )
    for name in bombs
]  # fmt: skip
OF = {Modality.IMAGE: PICTURES, Modality.VIDEO: VIDEOS, Modality.AUDIO: AUDIO, Modality.IMU: IMU}


@pytest.fixture
def little_memory() -> Iterator[None]:
    """Let this process have no more private memory than it has, and MOST_BYTES."""
    with open("/proc/self/status") as status:  # noqa: PTH123
        data = next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmData"))
    before = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (data + MOST_BYTES, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_DATA, before)


@pytest.mark.parametrize(("modality", "name"), BOMBS, ids=[name for _, name in BOMBS])
def test_a_bomb_is_refused_or_harmless(modality: Modality, name: str, little_memory: None) -> None:
    build, refusal, told = OF[modality][name]
    data = build()
    began = time.process_time()
    if refusal is None:
        made = preprocess(modality, data)
        assert np.isfinite(made).all()
    else:
        with pytest.raises(refusal) as caught:
            preprocess(modality, data)
        assert told in caught.value.message
    assert time.process_time() - began < MOST_S


def test_the_scans_that_encoders_make_are_taken() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (300, 300, 3), dtype=np.uint8)
    progressive = saved("JPEG", Image.fromarray(noise), progressive=True, quality=95)
    assert progressive.count(b"\xff\xda") > 5
    preprocess(Modality.IMAGE, progressive)
    # a photo with a film behind it, as phones make them
    preprocess(Modality.IMAGE, picture(64, 64, kind="JPEG") + np.random.default_rng(1).bytes(40_000_000))
