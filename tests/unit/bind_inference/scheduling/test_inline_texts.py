"""Short texts are cut into tokens in the event loop, but not so many at once that it answers nobody."""

import time

import pytest

from bind_inference.decoders.decoding import Decoded
from bind_inference.decoders.protocol import Done, Wanted
from bind_inference.items.shared_memory import Blob
from bind_inference.modality import Modality
from bind_inference.scheduling.scheduler import INLINE_S, Scheduler, SchedulerConfig
from bind_inference.telemetry.metrics import Metrics
from support.fake_engine import FakeDecoders, FakeEngine
from support.scheduling import TEXT, lengths

EACH_S = 0.002


class Counting(FakeDecoders):
    """Takes a while for a text in the loop, and counts those that come the other way."""

    def __init__(self) -> None:
        super().__init__()
        self.inline = self.sent = 0
        self.seconds = 0.0

    def text(self, data: str) -> Decoded:
        self.inline += 1
        time.sleep(self.seconds)
        return super().text(data)

    def decode(
        self,
        modality: Modality,
        data: str | Blob,
        wanted: Wanted,
        done: Done[Decoded],
        asked_by: object = None,
    ) -> None:
        self.sent += 1
        done(FakeDecoders.text(self, str(data)), 0.0)


async def embedded(texts: list[str], seconds: float) -> Counting:
    decoders = Counting()
    decoders.seconds = seconds
    queue = Scheduler(FakeEngine(), decoders, SchedulerConfig(), Metrics())
    outcomes = await queue.embed([(TEXT, text) for text in texts])
    assert lengths(outcomes) == [len(text) for text in texts]
    return decoders


async def test_what_takes_long_in_all_goes_on_in_decoders() -> None:
    decoders = await embedded(["b" * 1000 + str(number) for number in range(100)], EACH_S)
    assert 1 <= decoders.inline <= INLINE_S / EACH_S + 1
    assert decoders.inline + decoders.sent == 100


async def test_the_next_turn_of_the_loop_has_its_own_share() -> None:
    decoders = Counting()
    decoders.seconds = INLINE_S
    queue = Scheduler(FakeEngine(), decoders, SchedulerConfig(), Metrics())
    for number in range(3):
        await queue.embed([(TEXT, "b" * 1000 + str(number))])
    assert (decoders.inline, decoders.sent) == (3, 0)


async def test_very_short_ones_never_do() -> None:
    decoders = await embedded([f"a photo of {number}" for number in range(50)], EACH_S)
    assert (decoders.inline, decoders.sent) == (50, 0)


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("&" + "amp;" * 40, True),
        ("&" + "#38;" * 400, True),
        ("bread & butter; cats & dogs", False),
        ("one; two; three; four; five; six", False),
    ],
)
async def test_a_nest_of_entities_is_one_of_the_decoders(text: str, *, sent: bool) -> None:
    assert bool((await embedded([text], 0.0)).sent) is sent
