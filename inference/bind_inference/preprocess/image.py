"""Prepare stills: photos, thermal and depth pictures.

The short side becomes 224 pixels (bicubic, antialiased), the middle square is cut out. Orientation tags are
not applied, transparency is dropped without a background, as the reference does.
"""

import io
import math
import re
import struct
import warnings

import numpy as np
from PIL import Image, UnidentifiedImageError

from bind_inference.errors import InvalidItem, MediaTooLarge, UnsupportedMedia
from bind_inference.preprocess.decoder_errors import one_line
from bind_inference.preprocess.limits import Levels, Limits
from bind_inference.preprocess.netpbm import prepare

SIZE = 224
# Left out on purpose: formats that start other programs (EPS), nest others, or that nobody sends.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "DIB", "TIFF", "PPM", "JPEG2000", "AVIF", "ICO", "TGA")
Image.init()  # registers their readers, which would otherwise happen inside the first request
# Above this ratio of sides, only the part that the middle square needs is resized: the same pixels to within
# one of 255 steps, where resizing all of a 1 x 60,000 picture would make 224 x 13 million.
RESIZE_WHOLE_UP_TO = 16

# Decoders that are written in Python: 64 MB of text keep one busy for 14 s, of runs or levels as long.
_SLOW = ("ppm_plain", "ppm", "bmp_rle")
_ICON = b"\0\0\1\0"  # its bitmap, which may be in runs, is decoded when it is opened

# What Pillow's decoders raise for broken bytes is not one type.
_BROKEN = (
    *(OSError, SyntaxError, ValueError, EOFError, struct.error, IndexError, KeyError, TypeError),
    RuntimeError,  # of AVIF
)


def image(data: bytes, limits: Limits) -> Levels:
    """Return the levels of a photo, uint8 [3, 224, 224]."""
    return _middle_square(data, "RGB", limits)


def thermal_or_depth(data: bytes, limits: Limits) -> Levels:
    """Return the luminance of a thermal or depth picture, uint8 [1, 224, 224]."""
    return _middle_square(data, "L", limits)


def _middle_square(data: bytes, mode: str, limits: Limits) -> Levels:
    if not data:
        raise InvalidItem("empty: send the bytes of a picture in base64")
    with warnings.catch_warnings():
        # Oddities of metadata; sizes are judged by our limit, not by Pillow's warning.
        warnings.simplefilter("ignore")
        picture = _crop(_decode(data, mode, limits))
    pixels = np.asarray(picture, dtype=np.uint8).reshape(SIZE, SIZE, -1)
    return np.array(pixels.transpose(2, 0, 1), order="C")  # what Pillow gives may not be written to


def _decode(data: bytes, mode: str, limits: Limits) -> Image.Image:
    if data.startswith(_ICON):
        _check_speed(len(data), limits)
    try:
        with Image.open(io.BytesIO(prepare(data)), formats=FORMATS) as opened:
            _check_size(opened, limits)
            if any(tile.codec_name in _SLOW for tile in opened.tile):
                _check_speed(len(data), limits)
            if opened.format == "JPEG":
                _check_scans(data, limits)
            opened.load()
            _check_size(opened, limits)  # a picture inside another may have another
            return _as_mode(opened, mode)
    except UnidentifiedImageError:
        raise UnsupportedMedia(f"not a picture of a format that is served ({', '.join(FORMATS)})") from None
    except Image.DecompressionBombError as error:
        # Pillow's own limit, several times ours, stops pictures inside pictures too.
        pixels = re.search(r"\d+", str(error))
        raise MediaTooLarge(
            f"{pixels[0] if pixels else 'too many'} pixels; at most {limits.max_image_pixels} are taken: "
            "scale it down"
        ) from None
    except _BROKEN as error:
        raise InvalidItem(f"not a decodable picture: {one_line(error)}") from error


def _check_size(picture: Image.Image, limits: Limits) -> None:
    width, height = picture.size
    if width * height > limits.max_image_pixels:
        raise MediaTooLarge(
            f"{width} x {height} pixels; at most {limits.max_image_pixels} are taken: scale it down"
        )


def _check_speed(size: int, limits: Limits) -> None:
    """Refuse a large picture whose numbers are decoded one by one."""
    if size > limits.max_slow_picture_bytes:
        raise MediaTooLarge(
            f"{size:,} bytes of a picture whose pixels are read one by one (an icon, a bitmap in runs, a "
            f"netpbm as text or of an odd depth); at most {limits.max_slow_picture_bytes:,} are taken: save "
            "it as PNG"
        )


def _check_scans(data: bytes, limits: Limits) -> None:
    """Refuse a JPEG that refines all its pixels again and again: 300 kB can keep a CPU busy for a minute."""
    scans = data.count(b"\xff\xda")
    by_chance = len(data) >> 14  # in other files inside it there is one in 65,536 bytes
    if scans > limits.max_image_scans + by_chance:
        raise MediaTooLarge(f"{scans} scans; at most {limits.max_image_scans} are taken: save it anew")


def _as_mode(picture: Image.Image, mode: str) -> Image.Image:
    """Return the picture in RGB or L; 16-bit and float pixels saturate at 255, as in the reference."""
    if picture.mode[0] in "IF":
        levels = np.nan_to_num(np.asarray(picture, dtype=np.float32), posinf=255.0)
        picture = Image.fromarray(levels.clip(0, 255).astype(np.uint8))
    return picture.convert(mode)


def _crop(picture: Image.Image) -> Image.Image:
    """Return the middle 224 x 224 of the picture scaled so that its short side is 224."""
    width, height = picture.size
    short = min(width, height)
    scaled = int(SIZE * width / short), int(SIZE * height / short)
    left, top = round((scaled[0] - SIZE) / 2), round((scaled[1] - SIZE) / 2)
    if max(width, height) <= RESIZE_WHOLE_UP_TO * short:
        resized = picture.resize(scaled, Image.Resampling.BICUBIC)
        return resized.crop((left, top, left + SIZE, top + SIZE))
    return _resize_part(picture, scaled, left, top)


def _resize_part(picture: Image.Image, scaled: tuple[int, int], left: int, top: int) -> Image.Image:
    """Return the 224 x 224 at (left, top) of the picture resized to `scaled`, without making the rest."""
    across, down = picture.width / scaled[0], picture.height / scaled[1]
    box = (left * across, top * down, (left + SIZE) * across, (top + SIZE) * down)
    # The box is single precision in Pillow, so cut first: its coordinates stay small and exact enough.
    margin = math.ceil(3 * max(across, down, 1))
    cut_left, cut_top = max(0, int(box[0]) - margin), max(0, int(box[1]) - margin)
    cut_right = min(picture.width, math.ceil(box[2]) + margin)
    cut_bottom = min(picture.height, math.ceil(box[3]) + margin)
    part = picture.crop((cut_left, cut_top, cut_right, cut_bottom))
    local = (box[0] - cut_left, box[1] - cut_top, box[2] - cut_left, box[3] - cut_top)
    local = (local[0], local[1], min(local[2], part.width), min(local[3], part.height))
    return part.resize((SIZE, SIZE), Image.Resampling.BICUBIC, box=local)
