"""Which items run next, and when; the time is given."""

from dataclasses import dataclass

import pytest

from bind_inference.batching import WEIGHTS, Batcher, Policy
from bind_inference.modality import Modality

TEXT, IMAGE, VIDEO = Modality.TEXT, Modality.IMAGE, Modality.VIDEO


@dataclass(eq=False)
class Item:
    modality: Modality
    name: int = 0
    abandoned: bool = False


def batcher(**limits: float) -> Batcher[Item]:
    return Batcher(Policy(**limits))  # type: ignore[arg-type]


def test_nothing_waits_nothing_runs() -> None:
    queue = batcher()
    assert queue.next_batch(0.0) == []
    assert queue.next_due(0.0) is None


def test_without_a_wait_one_item_runs_at_once() -> None:
    queue = batcher()
    queue.put(item := Item(TEXT), 5.0)
    assert queue.next_batch(5.0) == [item]
    assert len(queue) == 0


def test_an_item_waits_for_company_until_its_time() -> None:
    queue = batcher(max_wait_s=0.1)
    queue.put(item := Item(TEXT), 5.0)
    assert queue.next_batch(5.05) == []
    assert queue.next_due(5.05) == pytest.approx(5.1)
    assert queue.next_batch(5.1) == [item]


def test_a_full_batch_does_not_wait() -> None:
    queue = batcher(max_wait_s=0.1, max_batch_size=2)
    for _ in range(3):
        queue.put(Item(TEXT), 5.0)
    assert queue.next_due(5.0) == 5.0
    assert len(queue.next_batch(5.0)) == 2
    assert queue.next_batch(5.0) == []
    assert queue.depth(TEXT) == 1


def test_a_batch_is_cut_by_cost() -> None:
    queue = batcher(max_batch_gflop=1000)
    for _ in range(40):
        queue.put(Item(TEXT), 0.0)
        queue.put(Item(IMAGE), 0.0)
    sizes = {batch[0].modality: len(batch) for batch in (queue.next_batch(0.0), queue.next_batch(0.0))}
    assert sizes == {TEXT: 21, IMAGE: 2}


def test_an_item_above_the_cost_runs_alone() -> None:
    queue = batcher(max_batch_gflop=1)
    queue.put(item := Item(VIDEO), 0.0)
    queue.put(Item(VIDEO), 0.0)
    assert queue.next_batch(0.0) == [item]


def test_a_batch_has_one_modality_and_keeps_the_order() -> None:
    queue = batcher()
    for name in range(6):
        queue.put(Item((TEXT, IMAGE)[name % 2], name), 0.0)
    assert [item.name for item in queue.next_batch(0.0)] in ([0, 2, 4], [1, 3])


def test_the_items_of_clients_that_hung_up_are_dropped() -> None:
    queue = batcher(max_batch_size=2)
    items = [Item(TEXT, name, abandoned=name in {0, 2}) for name in range(5)]
    for item in items:
        queue.put(item, 0.0)
    assert [item.name for item in queue.next_batch(0.0)] == [1, 3]
    items[4].abandoned = True
    assert queue.next_batch(1.0) == []
    assert queue.next_due(1.0) is None


def test_texts_that_come_while_videos_wait_run_after_the_video_in_flight() -> None:
    queue = batcher()
    for name in range(5):
        queue.put(Item(VIDEO, name), 0.0)
    assert queue.next_batch(0.0)[0].modality is VIDEO
    queue.put(Item(TEXT), 1.0)
    assert queue.next_batch(1.0)[0].modality is TEXT


def test_neither_of_two_busy_modalities_starves() -> None:
    queue = batcher()
    for _ in range(4000):
        queue.put(Item(TEXT), 0.0)
    for _ in range(20):
        queue.put(Item(VIDEO), 0.0)
    work = dict.fromkeys(Modality, 0.0)
    for _ in range(30):
        batch = queue.next_batch(0.0)
        work[batch[0].modality] += len(batch) * WEIGHTS[batch[0].modality].gflop
    assert work[VIDEO] > 0
    assert work[TEXT] == pytest.approx(work[VIDEO], abs=6000)  # within about one video


def test_time_spent_idle_earns_no_credit() -> None:
    queue = batcher()
    for _ in range(30):
        queue.put(Item(VIDEO), 0.0)
    for _ in range(20):
        queue.next_batch(0.0)
    for _ in range(4000):  # texts come late: they may not now run for as long as the videos had
        queue.put(Item(TEXT), 1.0)
    first = [queue.next_batch(1.0)[0].modality for _ in range(20)]
    assert first.count(VIDEO) >= 2


@pytest.mark.parametrize("modality", Modality)
def test_every_modality_has_a_weight(modality: Modality) -> None:
    assert WEIGHTS[modality].gflop > 0
    assert Policy().capacity(modality) >= 1
