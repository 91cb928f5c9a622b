"""A scheduler around a fake engine, and what its tests ask of it."""

import asyncio
import base64

from bind_inference.errors import BindError
from bind_inference.items.embedding import Embedding
from bind_inference.modality import Modality
from bind_inference.scheduling.scheduler import Scheduler, SchedulerConfig
from bind_inference.telemetry.metrics import Metrics
from support.fake_engine import FakeDecoders, FakeEngine

TEXT, IMAGE = Modality.TEXT, Modality.IMAGE


def image(text: str) -> tuple[Modality, str]:
    return IMAGE, base64.b64encode(text.encode()).decode()


def scheduler(engine: FakeEngine, **limits: object) -> Scheduler:
    return Scheduler(engine, FakeDecoders(), SchedulerConfig(**limits), Metrics())  # type: ignore[arg-type]


def lengths(outcomes: list[Embedding | BindError]) -> list[int]:
    assert all(isinstance(outcome, Embedding) for outcome in outcomes)
    return [int(outcome.vector[1]) for outcome in outcomes if isinstance(outcome, Embedding)]


async def running(engine: FakeEngine) -> None:
    assert await asyncio.to_thread(engine.entered.wait, 5)


async def blocked(engine: FakeEngine, queue: Scheduler) -> "asyncio.Task[list[Embedding | BindError]]":
    """Keep the forward thread busy until the gate opens."""
    engine.gate.clear()
    blocker = asyncio.create_task(queue.embed([(TEXT, "blocker")]))
    await running(engine)
    return blocker
