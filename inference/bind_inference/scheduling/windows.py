"""Embeds recordings in windows: they are measured first, then decoded and embedded in groups of windows.

A group is what one decoder makes at once, and what is held of a recording: so an hour takes no more memory
than a minute. Two are under way of a request, one with a decoder and one with the model.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np

from bind_inference.errors import BindError, MediaTooLarge, QueueFull
from bind_inference.items.embedding import Embedding
from bind_inference.items.windows import window_bytes
from bind_inference.scheduling.jobs import Share

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence

    from bind_inference.items.bodies import Item
    from bind_inference.items.embedding import Vector
    from bind_inference.items.windows import WindowGroup, Windows
    from bind_inference.modality import Modality
    from bind_inference.scheduling.scheduler import Scheduler

    Measure: TypeAlias = Callable[[Item, object], Awaitable[int]]
    """It returns how long an item of a request is, in milliseconds. Raises BindError."""

GROUP_BYTES: Final = 1 << 25
AT_ONCE: Final = 2
# Of the bytes that may be held, so that small ones still hold two groups beside something else.
_BUDGET_SHARE: Final = 8
_AGAIN_S: Final = 0.1


class WindowedRequest:
    """One request, of which some items are recordings that are wanted in windows."""

    def __init__(
        self,
        scheduler: Scheduler,
        measure: Measure,
        items: Sequence[Item],
        windows: Mapping[Modality, Windows],
        most: int,
        deaths: int,
    ) -> None:
        """Windows of more than `most` in all are refused."""
        self._scheduler = scheduler
        self._measure = measure
        self._items = items
        self._windows = windows
        self._most = most
        self._deaths = deaths
        self._outcomes: list[Embedding | BindError | None] = [None] * len(items)
        self._vectors: dict[int, dict[int, Vector]] = {}
        self._count = 0
        self._is_begun = False

    async def embed(self) -> list[Embedding | BindError]:
        """Return, item by item, its embedding or what is wrong with it.

        Raises as `Scheduler.embed`: QueueFull only before any window is computed, later it is waited for.
        """
        cut = [number for number, item in enumerate(self._items) if item.modality in self._windows]
        whole = [number for number, item in enumerate(self._items) if item.modality not in self._windows]
        await together(self._embed_whole(whole), self._embed_cut(cut))
        return [outcome for outcome in self._outcomes if outcome is not None]

    async def _embed_whole(self, numbers: Sequence[int]) -> None:
        items = [(self._items[number].modality, self._items[number].data) for number in numbers]
        outcomes = await self._scheduler.embed(items, deaths=self._deaths) if items else []
        for number, outcome in zip(numbers, outcomes, strict=True):
            self._outcomes[number] = outcome

    async def _embed_cut(self, numbers: Sequence[int]) -> None:
        found = await together(*map(self._find_windows, numbers))
        groups = self._fit({number: group for number, group in zip(numbers, found, strict=True) if group})
        self._count = len(self._items) - len(groups) + sum(group.count for group in groups.values())
        queue = ((number, part) for number in groups for part in groups[number].split(self._room(number)))
        await together(*(self._work(queue) for _ in range(AT_ONCE)))
        for number, group in groups.items():
            if self._outcomes[number] is None:
                vectors = [vector for _, vector in sorted(self._vectors.pop(number, {}).items())]
                none = np.empty((0, self._scheduler.info.dimension), np.float32)
                self._outcomes[number] = Embedding(np.concatenate([none, *vectors]), 0, group.times_s)

    def _fit(self, groups: Mapping[int, WindowGroup]) -> dict[int, WindowGroup]:
        """Return those that are not too many windows together with those before them; refuse the others."""
        left = self._most
        fitting: dict[int, WindowGroup] = {}
        for number, group in groups.items():
            if group.count <= left:
                left -= group.count
                fitting[number] = group
            else:
                self._outcomes[number] = MediaTooLarge(
                    f"{group.count:,} windows, and a request may have {self._most:,} in all "
                    "(--max-request-windows): ask for a part of it (start_s, end_s), for a longer stride_s, "
                    "or for fewer files at once"
                )
        return fitting

    async def _find_windows(self, number: int) -> WindowGroup | None:
        """Return all windows of an item; None if it cannot be measured."""
        item = self._items[number]
        try:
            return self._windows[item.modality].within(await self._measure(item, self))
        except BindError as error:
            self._outcomes[number] = error
            return None

    def _room(self, number: int) -> int:
        """Return how many windows of an item are a group."""
        modality = self._items[number].modality
        room = min(GROUP_BYTES, self._scheduler.bytes_held.limit // _BUDGET_SHARE)
        return max(1, room // window_bytes(modality, self._windows[modality].length_ms))

    async def _work(self, queue: Iterator[tuple[int, WindowGroup]]) -> None:
        for number, group in queue:  # all workers take from the same iterator
            if self._outcomes[number] is not None:
                continue
            outcome = await self._embed_group(self._items[number], group)
            if isinstance(outcome, BindError):
                self._outcomes[number] = self._outcomes[number] or outcome
            else:
                self._vectors.setdefault(number, {})[group.first] = outcome.vector

    async def _embed_group(self, item: Item, group: WindowGroup) -> Embedding | BindError:
        """Return the vectors of a group. One that finds no room is tried again, but for the first."""
        is_first, self._is_begun = not self._is_begun, True
        share = Share(group, self, self._count)
        while True:
            try:
                (outcome,) = await self._scheduler.embed(
                    [(item.modality, item.data)], deaths=self._deaths, share=share
                )
            except QueueFull:
                if is_first:
                    raise
                await asyncio.sleep(_AGAIN_S)
            else:
                return outcome


async def together(*works: Coroutine[Any, Any, Any]) -> list[Any]:
    """Return what all `works` return; the first of them that raises ends the others."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(work) for work in works]
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return [task.result() for task in tasks]
