"""`python -m bind_demo.first_hit`: the README's picture, drawn from what the demo's Weaviate answers.

It shows what the model Tiny can show: an altered copy of a picture finds the picture, and the next best is
far behind. Tiny has random weights, so nothing here tells of meaning.
"""

import argparse
import base64
import io
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from bind_demo.client.demo import PYTHON_COLLECTION
from bind_demo.client.endpoint import Endpoint
from bind_demo.client.searches import Answer, build_searches, run_search
from bind_demo.cluster.local import local_cluster
from bind_demo.errors import DemoError
from bind_demo.media import photos
from bind_demo.media.build import build_altered
from bind_demo.media.things import THINGS, Thing
from bind_demo.settings import ROOT, Settings

PICTURE = ROOT / "docs" / "images" / "first-hit.png"
ASKED = "cat"
FREE = {"cat", "astronaut"}
"""Whose photos may be in a repository: Chelsea is CC0, and the portrait of Eileen Collins is NASA's."""

WIDTH, HEIGHT, MARGIN = 880, 330, 24
PHOTO_TOP, PHOTO_HEIGHT = 84, 176
NOTE = "Eight photos in Weaviate. The model Tiny has random weights: it knows copies, and no meaning."
INK, QUIET, PAPER, FOUND = "#1f2328", "#59636e", "#ffffff", "#1a7f37"


def main(argv: Sequence[str] | None = None) -> int:
    """Ask the demo's Weaviate, write the picture, return the exit status."""
    args = _parser().parse_args(argv)
    try:
        with ExitStack() as stack:
            endpoint = Endpoint(args.host, args.http_port, args.grpc_port) if args.host else _of_demo(stack)
            answer = search(endpoint)
    except DemoError as error:
        print(f"error: {error}\nto do: {error.remedy}", file=sys.stderr)
        return 1
    if not answer.passed:
        print(f"failed: the search did not find the {ASKED}: {answer}", file=sys.stderr)
        return 1
    args.output.parent.mkdir(parents=True, exist_ok=True)
    draw(answer).save(args.output, optimize=True)
    print(f"written: {args.output}")
    return 0


def search(endpoint: Endpoint) -> Answer:
    """Return the answer to the altered photo. Raises DemoError where the demo has imported nothing yet."""
    thing = _thing(ASKED)
    searches = build_searches({thing: build_altered(thing)}, [thing])
    near_image = next(search for search in searches if search.method == "nearImage")
    with endpoint.client() as client:
        if not client.collections.exists(PYTHON_COLLECTION):
            raise DemoError(f"there is no collection {PYTHON_COLLECTION}", "run `make demo` first")
        return run_search(client.collections.get(PYTHON_COLLECTION), near_image)


def draw(answer: Answer) -> Image.Image:
    """Return the picture: what was asked on the left; on the right the best two, with their distances."""
    sheet = Image.new("RGB", (WIDTH, HEIGHT), PAPER)
    pen = ImageDraw.Draw(sheet)
    asked = Image.open(io.BytesIO(base64.b64decode(answer.search.payload))).convert("RGB")
    left = MARGIN
    _caption(pen, left, "asked: nearImage", answer.search.asked, INK)
    left = _arrow(pen, _photo(sheet, pen, left, asked, INK) + MARGIN) + MARGIN
    for nth, hit in enumerate(hit for hit in answer.hits[:2] if hit.slug in FREE):
        colour = QUIET if nth else FOUND
        _caption(pen, left, f"{nth + 1}. {hit.slug}", f"cosine distance {hit.distance:.3f}", colour)
        left = _photo(sheet, pen, left, photos.open_photo(_thing(hit.slug)), colour) + MARGIN
    pen.text((MARGIN, HEIGHT - MARGIN), NOTE, font=_font(18), fill=QUIET, anchor="ls")
    return sheet


def _arrow(pen: ImageDraw.ImageDraw, left: int) -> int:
    """Draw an arrow beside the photos, since the font has none; return where it ends."""
    right, middle = left + 50, PHOTO_TOP + PHOTO_HEIGHT // 2
    pen.line((left, middle, right - 12, middle), fill=INK, width=5)
    pen.polygon([(right, middle), (right - 18, middle - 12), (right - 18, middle + 12)], fill=INK)
    return right


def _caption(pen: ImageDraw.ImageDraw, left: int, title: str, line: str, colour: str) -> None:
    pen.text((left, MARGIN), title, font=_font(24), fill=colour, anchor="lt")
    pen.text((left, MARGIN + 32), line, font=_font(18), fill=QUIET, anchor="lt")


def _photo(sheet: Image.Image, pen: ImageDraw.ImageDraw, left: int, photo: Image.Image, colour: str) -> int:
    """Paste a photo under its caption, in a frame; return where it ends."""
    width = round(photo.width * PHOTO_HEIGHT / photo.height)
    sheet.paste(photo.resize((width, PHOTO_HEIGHT), Image.Resampling.LANCZOS), (left, PHOTO_TOP))
    frame = (left - 3, PHOTO_TOP - 3, left + width + 2, PHOTO_TOP + PHOTO_HEIGHT + 2)
    pen.rectangle(frame, outline=colour, width=3)
    return left + width


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _thing(slug: str) -> Thing:
    return next(thing for thing in THINGS if thing.slug == slug)


def _of_demo(stack: ExitStack) -> Endpoint:
    """Return the Weaviate that `make demo` left on the local cluster, forwarded until the stack ends."""
    kube, settings = local_cluster(), Settings()
    ports = [
        stack.enter_context(kube.forward(settings.namespace, f"svc/{settings.name}-{service}", port))
        for service, port in (("weaviate", 80), ("weaviate-grpc", 50051))
    ]
    return Endpoint("127.0.0.1", *ports)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bind_demo.first_hit", description=__doc__)
    parser.add_argument(
        "--host", default="", help="of a Weaviate with the demo's objects; empty: the demo's own"
    )
    parser.add_argument("--http-port", type=int, default=8080)
    parser.add_argument("--grpc-port", type=int, default=50051)
    parser.add_argument("--output", type=Path, default=PICTURE)
    return parser


if __name__ == "__main__":
    sys.exit(main())
