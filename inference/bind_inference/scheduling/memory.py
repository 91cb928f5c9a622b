"""Decides how many decoders there are and what each may take, so that all of it fits the memory. Pure.

Where a cgroup of version 2 runs out, the kernel kills all of the container at once (the kubelet sets its
memory.oom.group), so that one decoder too many is the end of the model and of every request.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from bind_inference.settings import Settings

_MIB: Final = 1 << 20
_GIB: Final = 1 << 30
# What a server keeps by itself, with libraries and the batches under way. On a GPU the weights are there.
MODEL_BYTES: Final = {"float32": 5 * _GIB, "bfloat16": 3 * _GIB, "int8": 2 * _GIB}
MODEL_BYTES_CUDA: Final = 4 * _GIB
TINY_BYTES: Final = 768 * _MIB
HTTP_WORKER_BYTES: Final = 65 * _MIB
# The fork server, threads, the kernel's own, and what malloc does not give back.
SPARE_BYTES: Final = 384 * _MIB
# The largest picture within the limits takes so much: 64 million pixels of 16 bits or of floats.
LEAST_BYTES: Final = 1280 * _MIB
# Nearly all media take less. What fails with so much is tried again, alone, with the memory of a large one.
SMALL_BYTES: Final = 384 * _MIB
# With less than this no decoder gets anywhere.
FLOOR_BYTES: Final = 256 * _MIB


@dataclass(frozen=True)
class DecoderPlan:
    """There are so many decoders, each with so much memory; `room` is what all may take together.

    large_bytes: of one more, for what the others have too little for; 0: there is none.
    """

    decoders: int
    memory_bytes: int
    room: int | None = None
    large_bytes: int = 0

    @property
    def total_bytes(self) -> int:
        """Return what they take at worst."""
        return self.decoders * self.memory_bytes + self.large_bytes

    @property
    def fits(self) -> bool:
        """Return whether they cannot take more than there is."""
        return self.room is None or self.total_bytes <= self.room


def reserved_bytes(settings: Settings, http_workers: int) -> int:
    """Return what the server takes besides its decoders, at worst."""
    if settings.model == "Tiny":
        model = TINY_BYTES
    elif settings.enable_cuda:
        model = MODEL_BYTES_CUDA
    else:
        # What auto becomes is known once the model is loaded, and a failed self-check makes it float32.
        model = MODEL_BYTES.get(settings.precision, MODEL_BYTES["float32"])
    return (
        model
        + settings.max_queue_bytes
        + settings.vector_cache_bytes
        + http_workers * HTTP_WORKER_BYTES
        + SPARE_BYTES
    )


def plan_decoders(decoders: int, memory_bytes: int, room: int | None) -> DecoderPlan:
    """Return how many of `decoders` there is room for, and what each may take of `memory_bytes`.

    First each gets less, as long as it can decode whatever is within the limits on media. Then one is for
    what is large, and as many as fit beside it for all else. Where not even that is to be had there is one
    that can decode everything, or as many as fit of those that cannot. room: None is without end.
    """
    if room is None:
        return DecoderPlan(decoders, memory_bytes)
    least = min(LEAST_BYTES, memory_bytes)
    small = min(decoders, (room - least) // SMALL_BYTES)
    if decoders * least > room and small > room // least and memory_bytes > SMALL_BYTES:
        large = min(memory_bytes, room - small * SMALL_BYTES)
        return DecoderPlan(small, min(memory_bytes, (room - large) // small), room, large)
    count = max(1, min(decoders, room // (least if room >= least else SMALL_BYTES)))
    return DecoderPlan(count, min(memory_bytes, max(FLOOR_BYTES, room // count)), room)
