import base64
import io

from PIL import Image

from bind_demo.client.searches import Answer, Hit, Search
from bind_demo.first_hit import FOUND, FREE, INK, PAPER, draw
from bind_demo.media import photos
from bind_demo.media.things import THINGS

ASKED = next(thing for thing in THINGS if thing.slug == "cat")


def answer(*slugs: str) -> Answer:
    payload = base64.b64encode(photos.encode(photos.open_photo(ASKED), "WEBP", quality=75)).decode()
    asked = Search("nearImage", "image", "its photo", "cat", payload)
    return Answer(asked, tuple(Hit(slug, 0.1 * nth) for nth, slug in enumerate(slugs)))


def frames(sheet: Image.Image) -> list[int]:
    """Return where frames of photos begin: columns of one colour over a photo's height."""
    pixels = sheet.convert("RGB")
    columns = [
        {pixels.getpixel((x, y)) for y in range(90, 250, 10)} == {pixels.getpixel((x, 90))}
        and pixels.getpixel((x, 90)) != (255, 255, 255)
        for x in range(sheet.width)
    ]
    return [x for x in range(1, sheet.width) if columns[x] and not columns[x - 1]]


def test_the_asked_photo_and_the_best_two_are_drawn() -> None:
    assert len(frames(draw(answer("cat", "astronaut", "moon")))) == 2 * 3  # a left and a right side each


def test_a_photo_that_may_not_be_in_a_repository_is_left_out() -> None:
    assert "motorcycle" not in FREE
    assert len(frames(draw(answer("cat", "motorcycle", "moon")))) == 2 * 2


def test_the_best_hit_stands_out() -> None:
    def colours(sheet: Image.Image) -> set[tuple[int, ...]]:
        return {colour for _, colour in sheet.getcolors(sheet.width * sheet.height) or []}  # type: ignore[misc]

    found = tuple(bytes.fromhex(FOUND[1:]))
    assert found in colours(draw(answer("cat", "astronaut")))
    assert found not in colours(draw(answer()))
    assert {tuple(bytes.fromhex(colour[1:])) for colour in (INK, PAPER)} <= colours(draw(answer()))


def test_it_is_a_small_file() -> None:
    out = io.BytesIO()
    draw(answer("cat", "astronaut")).save(out, "PNG", optimize=True)
    assert len(out.getvalue()) < 500_000
