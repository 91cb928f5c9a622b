"""Finds how large batches, decoders and what is held may be, by the settings and the machine."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from bind_inference.engine.precision import Precision
from bind_inference.scheduling.cpus import decoder_processes, http_workers
from bind_inference.scheduling.machine import ROOT, memory_limit
from bind_inference.scheduling.memory import DecoderPlan, plan_decoders, reserved_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from bind_inference.decoders.protocol import Decoders
    from bind_inference.settings import Settings

log = logging.getLogger(__name__)

# Bounds how long one batch holds up the others. On a CPU one picture or one view of a video (on two cores
# half a second to two). With AMX, below float32, two: they take less time than that, and share the reading of
# the weights, 13 % of a picture's time. Without it two were no faster, and texts waited twice as long. On a
# GPU some ten milliseconds: 64 pictures.
MAX_BATCH_GFLOP: Final = 350.0
MAX_BATCH_GFLOP_AMX: Final = 700.0
MAX_BATCH_GFLOP_CUDA: Final = 21_000.0

# Of texts: of all else the arithmetic is the limit. 256 of 16 tokens take a GPU about as long as 32 do.
MAX_BATCH_SIZE: Final = 32
MAX_BATCH_SIZE_CUDA: Final = 256


# Of the bytes that may be held, the scheduler's part where HTTP workers hold bodies and answers. It leaves
# these room for four bodies of the largest size beside what is kept for small requests.
DECODED_EIGHTHS: Final = 3


def max_batch_size(settings: Settings) -> int:
    """Return the most items of one forward pass."""
    return settings.max_batch_size or (MAX_BATCH_SIZE_CUDA if settings.enable_cuda else MAX_BATCH_SIZE)


def max_batch_gflop(settings: Settings, precision: Precision | None = None, *, amx: bool = False) -> float:
    """Return the most arithmetic of one forward pass; without a `precision`, of any. amx: of the CPU."""
    if settings.max_batch_gflop:
        return settings.max_batch_gflop
    if settings.enable_cuda:
        return MAX_BATCH_GFLOP_CUDA
    two = amx and precision not in {None, Precision.FLOAT32}
    return MAX_BATCH_GFLOP_AMX if two else MAX_BATCH_GFLOP


def decoded_share(settings: Settings) -> int:
    """Return the bytes that the scheduler may hold; where HTTP workers hold bodies, the rest is theirs."""
    whole = settings.max_queue_bytes
    return whole * DECODED_EIGHTHS // 8 if http_workers(settings) else whole


def open_decoders(settings: Settings, restarted: Callable[[str], None]) -> Decoders:
    """Return the decoder processes that `settings` ask for, not started yet."""
    # numpy and the tokenizer take a while: the server listens before it imports them
    from bind_inference.decoders.decoding import Bounds
    from bind_inference.decoders.handle import PoolConfig
    from bind_inference.decoders.pool import DecoderPool
    from bind_inference.preprocess import Limits as ItemLimits

    plan = fit_decoders(settings)
    return DecoderPool(
        Bounds(
            ItemLimits(keep_end_token=settings.text_truncation == "upstream"),
            settings.max_item_bytes,
            max_batch_gflop(settings),
        ),
        PoolConfig(plan.decoders, settings.decode_timeout_s, plan.memory_bytes, plan.large_bytes),
        restarted,
    )


def fit_decoders(
    settings: Settings, affinity: Collection[int] | None = None, root: Path = ROOT
) -> DecoderPlan:
    """Return how many decoders there are and what each may take, and log it."""
    limit = memory_limit(root)
    reserved = reserved_bytes(settings, http_workers(settings))
    wanted = decoder_processes(settings, affinity, root)
    room = None if limit is None else max(0, limit - reserved)
    plan = plan_decoders(wanted, settings.decode_memory_bytes, room)
    short = plan.decoders < wanted or not plan.fits
    log.log(
        logging.WARNING if short else logging.INFO,
        "there are fewer decoders than CPUs are good for: raise the memory limit" if short else "decoders",
        extra={
            "decoders": plan.decoders,
            "decoders_wanted": wanted,
            "decoder_bytes": plan.memory_bytes,
            "decoder_bytes_wanted": settings.decode_memory_bytes,
            "large_decoder_bytes": plan.large_bytes,
            "memory_limit_bytes": limit,
            "reserved_bytes": reserved,
            "fits": plan.fits,
        },
    )
    return plan
