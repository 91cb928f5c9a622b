"""Broken media of every kind through real decoder processes, and requests that nobody would write.

Whatever comes, the outcome is an array of the documented shape or an error that a client may read. Seeds are
fixed, so that a failure comes again; a decoder that crashes is counted and costs its item alone.
"""

import base64
import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue

import httpx
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bind_inference.decoders.decoding import Bounds, Decoded
from bind_inference.decoders.handle import PoolConfig
from bind_inference.decoders.pool import DecoderPool
from bind_inference.errors import BindError, DecoderCrashed, DecodeTimeout
from bind_inference.items.windows import Windows
from bind_inference.modality import Modality
from support.media import movie_sound, picture, tone, video
from support.mutations import box_fields, mutations
from support.samples import MEDIA
from support.server import ROOT

SEED = 20_261_125
EACH = int(os.environ.get("BIND_FUZZ_EACH", "12"))
"""Broken versions of each file; more of them find more."""
BY_NAME = {".mp4": (Modality.VIDEO,), ".wav": (Modality.AUDIO,), ".csv": (Modality.IMU,)}
BOXES = [b"mvhd", b"tkhd", b"mdhd", b"elst", b"stts", b"stsz", b"stsc", b"stco", b"mp4v", b"avc1"]


def files() -> dict[str, bytes]:
    """Return a file of every format that a decoder of ours knows."""
    found = {path.name: path.read_bytes() for path in sorted(MEDIA.iterdir())}
    for kind in ("GIF", "BMP", "TIFF", "PPM", "JPEG2000", "AVIF", "TGA", "ICO"):
        found[f"picture.{kind}"] = picture(200, 160, kind=kind)
    for kind in ("FLAC", "OGG", "AIFF", "MP3"):
        found[f"{kind}.wav"] = tone(1, kind=kind)
    found["aac.wav"] = movie_sound(1, kind="mp4", codec="aac")
    found["opus.wav"] = movie_sound(1, kind="webm", codec="libopus")
    for kind, codec in (("matroska", "mpeg4"), ("avi", "mpeg4"), ("webm", "libvpx"), ("flv", "flv")):
        found[f"{kind}.mp4"] = video([n / 10 for n in range(25)], kind=kind, codec=codec)
    return found


FILES = files()


class Fuzzed:
    """A pool, and what came of all that was sent to it."""

    def __init__(self) -> None:
        self.restarts: list[str] = []
        config = PoolConfig(workers=2, timeout_s=20, memory_bytes=1 << 30)
        self.pool = DecoderPool(Bounds(), config, self.restarts.append)
        self.outcomes: Counter[str] = Counter()

    def _decode(self, modality: Modality, data: str) -> "SimpleQueue[Decoded | Exception]":
        answer: SimpleQueue[Decoded | Exception] = SimpleQueue()
        self.pool.decode(modality, data, lambda: True, lambda outcome, _: answer.put(outcome))
        return answer

    def measure(self, modality: Modality, items: list[bytes]) -> list[int | Exception]:
        """Return how long each of `items` is, in milliseconds, or why that is not known."""
        answers: list[SimpleQueue[int | Exception]] = [SimpleQueue() for _ in items]
        for item, answer in zip(items, answers, strict=True):
            data = base64.b64encode(item).decode()
            self.pool.measure(modality, data, lambda: True, lambda found, _, put=answer.put: put(found))  # type: ignore[misc]
        return [answer.get(timeout=60) for answer in answers]

    def send_windows(self, modality: Modality, items: list[bytes]) -> Counter[str]:
        """Measure `items` and decode the first and the last windows of each; return what came of them."""
        outcomes: Counter[str] = Counter()
        for item, found in zip(items, self.measure(modality, items), strict=True):
            outcomes[type(found).__name__] += 1
            assert isinstance(found, int | BindError), f"a bug: {found}"
            if isinstance(found, BindError):
                continue
            groups = list(Windows(1500, 1000).within(found).split(8))
            for group in {groups[0], groups[-1]}:
                answer: SimpleQueue[Decoded | Exception] = SimpleQueue()
                data = base64.b64encode(item).decode()
                self.pool.decode(
                    modality,
                    data,
                    lambda: True,
                    lambda got, _, put=answer.put: put(got),
                    None,
                    group,  # type: ignore[misc]
                )
                outcome = answer.get(timeout=60)
                outcomes[type(outcome).__name__] += 1
                assert isinstance(outcome, Decoded | BindError), f"a bug: {outcome}"
                if isinstance(outcome, Decoded):
                    assert {part.window for part in outcome.slices} == set(range(group.count))
                    assert all(np.isfinite(part.tensor).all() for part in outcome.slices)
        return outcomes

    def send(self, modality: Modality, items: list[bytes]) -> None:
        """Decode all of `items` and look at what comes."""
        before, died = len(self.restarts), 0
        answers = [self._decode(modality, base64.b64encode(item).decode()) for item in items]
        for number, answer in enumerate(answers):
            outcome = answer.get(timeout=60)
            self.outcomes[type(outcome).__name__] += 1
            if isinstance(outcome, BindError):
                assert 400 <= outcome.status < 500
                assert 0 < len(outcome.message) < 500
                assert outcome.message.isprintable()
                died += isinstance(outcome, DecoderCrashed | DecodeTimeout)
                continue
            assert isinstance(outcome, Decoded), f"number {number} is a bug: {outcome}"
            check(modality, outcome)
        assert len(self.restarts) - before == died


def check(modality: Modality, decoded: Decoded) -> None:
    """Assert that an item has its shape, and numbers that are some."""
    arrays = [part.tensor for part in decoded.slices]
    assert sum(len(array) for array in arrays) == modality.entry.shape[0]
    assert all(array.shape[1:] == modality.entry.shape[1:] for array in arrays)
    assert all(array.dtype == modality.entry.dtype and np.isfinite(array).all() for array in arrays)


@pytest.fixture(scope="module")
def fuzzed() -> Iterator[Fuzzed]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", f"{ROOT / 'inference'}:{ROOT / 'tests'}")  # for the fork server
        made = Fuzzed()
        made.pool.start()
        made.pool.check()
        yield made
        made.pool.close()


@pytest.mark.parametrize("name", FILES)
def test_broken_media_are_an_array_or_an_error(fuzzed: Fuzzed, name: str) -> None:
    others = list(FILES.values())
    for modality in BY_NAME.get(Path(name).suffix, (Modality.IMAGE, Modality.DEPTH)):
        fuzzed.send(modality, [FILES[name], *mutations(FILES[name], others, EACH, SEED)])


def test_boxes_that_lie_are_an_array_or_an_error(fuzzed: Fuzzed) -> None:
    lies = [data for _, data in box_fields(FILES["short_25fps_1s.mp4"], BOXES)]
    share = max(1, len(lies) * 12 // (EACH * 80))
    fuzzed.send(Modality.VIDEO, lies[::share])


def test_broken_recordings_are_windows_or_an_error(fuzzed: Fuzzed) -> None:
    others = list(FILES.values())
    outcomes: Counter[str] = Counter()
    for name, data in FILES.items():
        for modality in {Modality.AUDIO, Modality.VIDEO} & set(BY_NAME.get(Path(name).suffix, ())):
            outcomes += fuzzed.send_windows(modality, [data, *mutations(data, others, EACH // 2, SEED)])
    lies = [data for _, data in box_fields(FILES["short_25fps_1s.mp4"], BOXES)]
    outcomes += fuzzed.send_windows(Modality.VIDEO, lies[:: max(1, len(lies) * 12 // (EACH * 40))])
    assert outcomes["Decoded"] > 20
    assert outcomes["InvalidItem"] > 20


def test_the_wrong_kind_of_media_is_an_array_or_an_error(fuzzed: Fuzzed) -> None:
    for modality in set(Modality) - {Modality.TEXT}:
        fuzzed.send(modality, [data[:100_000] for data in FILES.values()])


def test_enough_is_broken_and_enough_is_not(fuzzed: Fuzzed) -> None:
    """All of the above would also pass if everything were refused at once."""
    fuzzed.outcomes.clear()
    others = list(FILES.values())
    for name, data in FILES.items():
        modality = BY_NAME.get(Path(name).suffix, (Modality.IMAGE,))[0]
        fuzzed.send(modality, list(mutations(data, others, 8, SEED + 1)))
    total = fuzzed.outcomes.total()
    assert fuzzed.outcomes["Decoded"] > total / 4
    assert fuzzed.outcomes["InvalidItem"] > total / 8
    assert fuzzed.outcomes["UnsupportedMedia"] > total / 50


def test_the_pool_decodes_as_before(fuzzed: Fuzzed) -> None:
    before = fuzzed.outcomes["Decoded"]
    fuzzed.send(Modality.IMAGE, [FILES["cmyk.jpg"]])
    assert fuzzed.outcomes["Decoded"] == before + 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
FIELDS = [modality.plural for modality in Modality] + ["input", "model", "dimensions", "encoding_format", ""]
BODIES = st.one_of(
    JSON.map(json.dumps).map(str.encode),
    st.dictionaries(st.sampled_from(FIELDS), JSON | st.lists(st.text(max_size=60), max_size=3), max_size=3)
    .map(json.dumps)
    .map(str.encode),
    st.binary(max_size=200),
    st.text(max_size=100).map(lambda text: f'{{"texts":["{text}"]}}'.encode("utf-8", "surrogatepass")),
)


@given(body=BODIES)
@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_any_body_is_answered_in_json_and_never_5xx(client: httpx.Client, body: bytes) -> None:
    for path in ("/vectorize", "/v1/embeddings"):
        answer = client.post(path, content=body)
        assert answer.status_code in {200, 400, 413, 415, 422}, (body, answer.text)
        answer.json()
