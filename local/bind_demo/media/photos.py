"""Photos come from the installed files of the scikit-image package, without a download."""

import io
from importlib.resources import files

from PIL import Image

from bind_demo.errors import DemoError
from bind_demo.media.things import Thing

LONG_SIDE_PX = 320


def open_photo(thing: Thing) -> Image.Image:
    """Return the thing's photo in RGB, its long side LONG_SIDE_PX. Raises DemoError without scikit-image."""
    try:
        path = files("skimage") / "data" / thing.photo
        with path.open("rb") as file, Image.open(file) as photo:
            rgb = photo.convert("RGB")
    except (ModuleNotFoundError, FileNotFoundError) as error:
        raise DemoError(
            f"the photo {thing.photo} of the scikit-image package is not there ({error})",
            "run `make venv`, which installs the version this demo was made with",
        ) from error
    scale = LONG_SIDE_PX / max(rgb.size)
    return rgb.resize((round(rgb.width * scale), round(rgb.height * scale)), Image.Resampling.LANCZOS)


def crop_border(photo: Image.Image, share: float) -> Image.Image:
    """Return the photo without a border of `share` (0..0.5) of its width and height on each side."""
    dx, dy = round(photo.width * share), round(photo.height * share)
    return photo.crop((dx, dy, photo.width - dx, photo.height - dy))


def encode(image: Image.Image, kind: str, **options: int) -> bytes:
    """Return the image as a file of the Pillow format `kind` (JPEG, PNG, WEBP)."""
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()
