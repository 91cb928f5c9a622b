"""Which items run next, and when; the time is given."""

from dataclasses import dataclass

import pytest

from bind_inference.modality import Modality
from bind_inference.scheduling.policy.batching import Batcher, Policy
from bind_inference.service_class import KINDS, Kind, kind_of

TEXT, IMAGE, VIDEO = Modality.TEXT, Modality.IMAGE, Modality.VIDEO
TYPICAL = {TEXT: 12, VIDEO: 15}  # tokens and views
GFLOP_PER_S = 160  # a block in float32 on two cores


@dataclass(eq=False)
class Item:
    modality: Modality
    name: int = 0
    abandoned: bool = False
    units: int = 0
    request: object = None
    items: int = 1

    @property
    def kind(self) -> Kind:
        return kind_of(self.modality, self.items)

    @property
    def gflop(self) -> float:
        return (self.units or TYPICAL.get(self.modality, 1)) * self.modality.entry.unit_gflop


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
    queue = batcher(max_batch_gflop=1000, max_batch_size=100)
    for _ in range(150):
        queue.put(Item(TEXT), 0.0)
        queue.put(Item(IMAGE), 0.0)
    sizes = {batch[0].modality: len(batch) for batch in (queue.next_batch(0.0), queue.next_batch(0.0))}
    assert sizes == {TEXT: 100, IMAGE: 3}


def test_a_batch_of_texts_is_cut_by_tokens() -> None:
    queue = batcher(max_batch_gflop=100 * TEXT.entry.unit_gflop)
    for name, tokens in enumerate((40, 5, 54, 2, 77, 30, 3)):
        queue.put(Item(TEXT, name, units=tokens), 0.0)
    batches = [[item.name for item in queue.next_batch(0.0)] for _ in range(3)]
    assert batches == [[0, 1, 2], [3, 4], [5, 6]]  # 99, 79 and 33 tokens, in the order of their coming


def test_a_batch_is_full_when_its_cost_is() -> None:
    queue = batcher(max_batch_gflop=100 * TEXT.entry.unit_gflop, max_wait_s=0.1)
    queue.put(Item(TEXT, units=77), 5.0)
    assert queue.next_batch(5.0) == []
    queue.put(Item(TEXT, units=23), 5.01)
    assert queue.next_due(5.01) == 5.01
    assert len(queue.next_batch(5.01)) == 2
    queue.put(Item(TEXT, units=77), 5.02)
    assert queue.next_batch(5.02) == []


def test_a_batch_that_has_ended_is_waited_for_a_moment() -> None:
    queue = batcher()
    queue.put(Item(TEXT), 4.99)
    queue.ended(kind_of(TEXT, 1), items=3, seconds=0.05, now=5.0)
    assert queue.next_batch(5.001) == []
    assert queue.next_due(5.001) == pytest.approx(5.01)  # a fifth of the batch's time
    assert len(queue.next_batch(5.01)) == 1


def test_the_next_batch_is_cut_as_soon_as_all_are_back() -> None:
    queue = batcher()
    queue.put(Item(TEXT), 4.99)
    queue.ended(kind_of(TEXT, 1), items=2, seconds=0.05, now=5.0)
    queue.put(Item(TEXT), 5.001)
    assert queue.next_batch(5.001) == []
    queue.put(Item(TEXT), 5.002)
    assert len(queue.next_batch(5.002)) == 3


def test_a_moment_is_short_however_long_the_batch_took() -> None:
    queue = batcher()
    queue.put(Item(TEXT), 4.99)
    queue.ended(kind_of(TEXT, 1), items=2, seconds=30, now=5.0)
    assert queue.next_due(5.0) == pytest.approx(5.02)


def test_one_client_alone_never_waits_nor_does_who_comes_later() -> None:
    queue = batcher()
    queue.ended(kind_of(TEXT, 1), items=1, seconds=0.05, now=5.0)
    queue.put(Item(TEXT), 5.001)
    assert len(queue.next_batch(5.001)) == 1
    queue.ended(kind_of(TEXT, 1), items=8, seconds=0.05, now=6.0)
    queue.put(Item(TEXT), 6.1)
    assert len(queue.next_batch(6.1)) == 1


def test_nobody_waits_for_those_who_would_not_fit() -> None:
    queue = batcher(max_batch_gflop=350)
    queue.put(Item(IMAGE), 4.99)
    queue.ended(kind_of(IMAGE, 1), items=1, seconds=1, now=5.0)
    assert len(queue.next_batch(5.0)) == 1


def test_other_modalities_do_not_wait_for_the_one_that_ended() -> None:
    queue = batcher()
    queue.put(Item(TEXT), 4.99)
    queue.put(Item(IMAGE), 4.99)
    queue.ended(kind_of(TEXT, 1), items=8, seconds=0.05, now=5.0)
    assert queue.next_batch(5.0)[0].modality is IMAGE


def test_what_hung_up_counts_no_more_towards_a_full_batch() -> None:
    queue = batcher(max_batch_gflop=100 * TEXT.entry.unit_gflop, max_wait_s=0.1)
    queue.put(gone := Item(TEXT, units=77), 5.0)
    gone.abandoned = True
    assert queue.next_batch(5.0) == []
    queue.put(Item(TEXT, units=30), 5.0)
    assert queue.next_batch(5.0) == []


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
    for _ in range(60):
        batch = queue.next_batch(0.0)
        work[batch[0].modality] += sum(item.gflop for item in batch)
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
    first = [queue.next_batch(1.0)[0].modality for _ in range(60)]
    assert first.count(VIDEO) >= 2


def test_texts_wait_for_a_part_of_a_video_not_for_videos() -> None:
    """Eight videos of 30 s wait at any time; two texts come each second. None waits longer than one view."""
    queue, now, waited = batcher(), 0.0, list[float]()
    came = {name: 0.5 * name for name in range(400)}
    next_text, videos_done = 0, 0
    while now < 202:  # and not until all texts are served, which a starving policy would never reach
        while next_text in came and came[next_text] <= now:
            queue.put(Item(TEXT, next_text), came[next_text])
            next_text += 1
        while queue.depth(VIDEO) < 8 * 15:
            queue.put(Item(VIDEO, units=1), now)
        batch = queue.next_batch(now)
        if batch[0].modality is TEXT:
            waited += [now - came[item.name] for item in batch]
        videos_done += batch[0].modality is VIDEO
        now += sum(item.gflop for item in batch) / GFLOP_PER_S
    assert len(waited) == len(came)
    assert max(waited) <= VIDEO.entry.unit_gflop / GFLOP_PER_S  # 2 s
    assert videos_done >= 80  # of 98 that fit into the time, and so they go on beside the texts


def test_whole_items_are_cut_to_a_size_that_is_not_padded() -> None:
    queue = batcher(max_batch_gflop=21_000, max_batch_size=256, rungs=(8, 16, 32, 64))
    for name in range(47):
        queue.put(Item(IMAGE, name), 0.0)
    batches = [[item.name for item in queue.next_batch(0.0)] for _ in range(3)]
    assert [len(batch) for batch in batches] == [32, 8, 7]
    assert [name for batch in batches for name in batch] == list(range(47))


def test_what_is_left_for_the_next_batch_counts_as_waiting() -> None:
    queue = batcher(max_batch_gflop=326 * 20, max_batch_size=256, rungs=(8, 16), max_wait_s=1.0)
    for name in range(20):
        queue.put(Item(IMAGE, name), 0.0)
    assert len(queue.next_batch(0.0)) == 16
    assert queue.depth(IMAGE) == 4
    assert queue.next_batch(0.5) == [], "four are not worth a batch before their time"
    for name in range(16):
        queue.put(Item(IMAGE, name), 0.5)
    assert len(queue.next_batch(0.5)) == 16, "with the four it is full"


def test_texts_and_videos_are_not_cut_to_sizes() -> None:
    queue = batcher(max_batch_gflop=21_000, max_batch_size=256, rungs=(2, 4))
    for name in range(3):
        queue.put(Item(TEXT, name), 0.0)
        queue.put(Item(VIDEO, name), 0.0)
    sizes = {batch[0].modality: len(batch) for batch in (queue.next_batch(0.0), queue.next_batch(0.0))}
    assert sizes == {TEXT: 3, VIDEO: 3}


def test_only_the_modalities_of_a_lane_are_cut() -> None:
    queue = batcher()
    texts = tuple(kind for kind in KINDS if kind.modality is TEXT)
    others = tuple(kind for kind in KINDS if kind not in texts)
    queue = Batcher[Item](Policy(), (texts, others))
    queue.put(Item(IMAGE), 0.0)
    assert queue.next_batch(0.0, texts) == []
    assert queue.next_due(0.0, texts) is None
    assert len(queue.next_batch(0.0, others)) == 1


def test_what_one_lane_has_done_is_held_against_nobody_in_another() -> None:
    texts = tuple(kind for kind in KINDS if kind.modality is TEXT)
    others = tuple(kind for kind in KINDS if kind not in texts)
    queue = Batcher[Item](Policy(), (texts, others))
    for _ in range(1000):
        queue.put(Item(TEXT), 0.0)
        queue.next_batch(0.0, texts)
    for _ in range(3):
        queue.put(Item(VIDEO, units=1), 0.0)
    assert queue.next_batch(0.0, others)
    queue.put(Item(IMAGE), 0.0)
    first = [queue.next_batch(0.0, others)[0].modality for _ in range(3)]
    assert first.index(IMAGE) <= 1


def test_a_query_waits_for_no_more_than_a_batch_of_an_import() -> None:
    queue = batcher(max_batch_gflop=350)
    for name in range(1000):
        queue.put(Item(IMAGE, name, request="import", items=1000), 0.0)
    assert queue.next_batch(0.0)[0].items == 1000
    queue.put(Item(IMAGE, request="query"), 1.0)
    assert queue.next_batch(1.0)[0].request == "query"


def test_queries_come_first_and_an_import_goes_on_beside_them() -> None:
    queue = batcher(max_batch_gflop=350)
    for name in range(100):
        queue.put(Item(IMAGE, name, request="import", items=1000), 0.0)
        queue.put(Item(IMAGE, name, request=name), 0.0)
    first = [queue.next_batch(0.0)[0].items for _ in range(50)]
    assert first.count(1000) == 10


def test_requests_share_a_queue_whatever_the_first_has_asked_for() -> None:
    queue = batcher(max_batch_size=10, max_batch_gflop=10_000)
    for name in range(1000):
        queue.put(Item(TEXT, name, request="first", items=1000), 0.0)
    for name in range(10):
        queue.put(Item(TEXT, name, request="second", items=10), 1.0)
    batches = [queue.next_batch(1.0) for _ in range(2)]
    assert [[item.request for item in batch].count("second") for batch in batches] == [5, 5]
    assert [item.name for batch in batches for item in batch if item.request == "second"] == list(range(10))


def test_the_parts_of_two_videos_take_turns() -> None:
    queue = batcher(max_batch_gflop=350)
    for request in ("a", "b"):
        for name in range(3):
            queue.put(Item(VIDEO, name, units=1, request=request), 0.0)
    served = [queue.next_batch(0.0)[0] for _ in range(6)]
    assert [item.request for item in served] in (list("ababab"), list("abbaab"))


@pytest.mark.parametrize(("items", "is_cut"), [(1, False), (15, False), (17, True)])
def test_behind_a_batch_that_runs_only_a_good_part_of_one_is_cut(items: int, is_cut: bool) -> None:
    queue = batcher(max_batch_gflop=21_000, max_batch_size=256, ahead_share=0.25)
    for name in range(items):
        queue.put(Item(IMAGE, name), 0.0)
    assert bool(queue.next_batch(0.0, is_ahead=True)) is is_cut
    assert bool(queue.next_batch(0.0)) is not is_cut


def test_many_texts_are_cut_ahead_however_little_they_cost() -> None:
    queue = batcher(max_batch_gflop=21_000, max_batch_size=32)
    for name in range(8):
        queue.put(Item(TEXT, name), 0.0)
    assert len(queue.next_batch(0.0, is_ahead=True)) == 8
