"""/metrics tells which of the two keeps items waiting: the decoders or the model."""

import asyncio

from bind_inference.scheduling.scheduler import Scheduler, SchedulerConfig
from bind_inference.telemetry.metrics import Metrics
from support.fake_engine import FakeDecoders, FakeEngine


class Busy(FakeDecoders):
    def waiting(self) -> int:
        return 3


async def test_what_waits_for_a_decoder_is_a_metric() -> None:
    metrics = Metrics()
    Scheduler(FakeEngine(), Busy(), SchedulerConfig(), metrics)
    await asyncio.sleep(0)
    assert "\nbind_decode_queue_items 3.0\n" in metrics.render().decode()
