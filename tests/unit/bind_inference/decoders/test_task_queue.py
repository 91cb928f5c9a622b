"""Which task a free decoder gets: nobody has them all, nobody waits for ever. The time is given."""

import heapq
import itertools
from collections.abc import Hashable, Iterable
from dataclasses import dataclass

import pytest

from bind_inference.decoders.task_queue import TaskQueue

SLOW_S = 14.0  # a text of nested entities
QUICK_S = 0.008  # a picture
LOOK_S = 0.5


@dataclass(eq=False)
class Task:
    request: Hashable
    seconds: float
    comes: float = 0.0
    begins: float = 0.0
    ends: float = 0.0
    wanted: bool = True
    is_long: bool = False
    stopped: int = 0


def run(decoders: int, tasks: Iterable[Task], until: float = 1e9) -> None:
    """Let decoders do what has come, by a clock that jumps from one event to the next."""
    queue = TaskQueue[Task](decoders, lambda task: task.wanted)
    numbers = itertools.count()
    events = [(task.comes, next(numbers), "comes", task, 0.0) for task in tasks]
    heapq.heapify(events)
    free, now = decoders, 0.0
    while events and now < until:
        now, _, what, task, ends = heapq.heappop(events)
        if what == "comes":
            queue.put(task, task.request, now, is_long=task.is_long)
        elif task.ends != ends:
            pass  # of a run that was stopped
        elif what == "looks" and queue.gives_way(task, now):
            queue.put_back(task, now)
            task.stopped, task.ends = task.stopped + 1, 0.0
            free += 1
        elif what == "looks":
            if now + LOOK_S < ends:
                heapq.heappush(events, (now + LOOK_S, next(numbers), "looks", task, ends))
        else:
            queue.done(task, now)
            task.ends = now
            free += 1
        while free and (events == [] or events[0][0] > now) and (taken := queue.take(now)) is not None:
            free -= 1
            taken.begins, taken.ends = now, now + taken.seconds
            heapq.heappush(events, (taken.ends, next(numbers), "ends", taken, taken.ends))
            if taken.seconds > LOOK_S:
                heapq.heappush(events, (now + LOOK_S, next(numbers), "looks", taken, taken.ends))


def many(request: Hashable, seconds: float, count: int, comes: float = 0.0) -> list[Task]:
    return [Task(request, seconds, comes) for _ in range(count)]


def test_what_comes_first_is_first_where_nobody_has_used_anything() -> None:
    queue = TaskQueue[str](2)
    for number in range(3):
        queue.put(str(number), number, 0.0)
    assert (queue.take(0.0), queue.take(0.0), len(queue)) == ("0", "1", 1)


@pytest.mark.parametrize("decoders", [2, 4, 12])
def test_one_request_of_a_thousand_slow_texts_holds_up_nobody(decoders: int) -> None:
    slow = many("slow", SLOW_S, 1000)
    quick = [Task(f"quick {number}", QUICK_S, comes=0.5 + number) for number in range(2000)]
    run(decoders, [*slow, *quick])
    assert max(task.begins - task.comes for task in quick) < 0.02
    assert all(task.ends for task in slow)


def test_it_has_all_decoders_but_one() -> None:
    slow = many("slow", SLOW_S, 30)
    run(4, slow)
    assert max(task.ends for task in slow) == pytest.approx(10 * SLOW_S)


def test_with_one_decoder_a_newcomer_waits_for_one_text_and_not_for_the_rest() -> None:
    slow, quick = many("slow", SLOW_S, 100), Task("quick", QUICK_S, comes=20.0)
    run(1, [*slow, quick])
    assert quick.begins == pytest.approx(2 * SLOW_S)


def test_a_request_of_many_pictures_has_every_decoder() -> None:
    pictures = many("pictures", QUICK_S, 1000)
    run(4, pictures)
    assert max(task.ends for task in pictures) == pytest.approx(250 * QUICK_S, rel=0.02)


def test_two_requests_of_long_tasks_share_the_time() -> None:
    first, second = many("first", 2.0, 100), many("second", 4.0, 100, comes=1.0)
    run(3, [*first, *second], until=100)
    used = [sum(task.ends - task.begins for task in tasks if task.ends) for tasks in (first, second)]
    assert used[0] == pytest.approx(used[1], rel=0.1)


@pytest.mark.parametrize("decoders", [1, 2, 4])
def test_a_large_request_ends_though_newcomers_never_stop(decoders: int) -> None:
    """They ask for nine tenths of all decoders, for ever; what they leave is enough."""
    each_s = QUICK_S / decoders / 0.9
    quick = [Task(f"quick {number}", QUICK_S, comes=number * each_s) for number in range(100_000)]
    large = many("large", 1.0, 10)
    run(decoders, [*large, *quick])
    assert max(task.ends for task in large) < 1000 * each_s * 100
    assert max(task.begins - task.comes for task in quick) < 3.0


def test_newcomers_that_take_all_there_is_do_not_starve_a_large_request() -> None:
    """Twice what can be done comes for 100 s. It has a tenth of a decoder by the time that they come at."""
    quick = [Task(f"quick {number}", QUICK_S, comes=number * QUICK_S / 4) for number in range(50_000)]
    large = many("large", 1.0, 10)
    run(2, [*large, *quick], until=195)
    assert sum(0 < task.ends < 195 for task in large) >= 9
    assert any(task.begins == 0 for task in quick)  # there were more to the end


def test_long_and_short_requests_are_both_served_while_more_comes_than_can_be_done() -> None:
    videos = [Task(f"video {number}", 3.0, comes=number * 0.5, is_long=True) for number in range(200)]
    pictures = [Task(f"picture {n}", QUICK_S, comes=n * QUICK_S / 3) for n in range(30_000)]
    run(3, [*videos, *pictures], until=80)
    assert sum(bool(video.ends) for video in videos) > 10
    assert sum(bool(picture.ends) for picture in pictures) > 10_000


def test_what_is_said_to_be_long_never_has_the_last_decoder() -> None:
    queue = TaskQueue[str](2)
    for name in ("video 1", "video 2"):
        queue.put(name, name, 0.0, is_long=True)
    assert queue.take(0.0) == "video 1"
    assert queue.take(0.0) is None
    queue.put("picture", "picture", 0.0)
    assert queue.take(0.0) == "picture"
    queue.done("picture", 0.01)
    queue.done("video 1", 3.0)
    assert queue.take(3.0) == "video 2"


def test_of_an_unknown_request_one_task_may_have_the_last_decoder_until_it_has_ended() -> None:
    queue = TaskQueue[str](2)
    for name in ("one", "two", "three"):
        queue.put(name, "unknown", 0.0)
    assert queue.take(0.0) == "one"
    assert queue.take(0.0) is None
    queue.done("one", 0.01)
    assert queue.take(0.01) == "two"
    assert queue.take(0.01) == "three"


def test_what_nobody_wants_is_dropped_in_its_turn_or_before() -> None:
    gone = [Task("gone", 1.0, wanted=False) for _ in range(3)]
    stays = Task("stays", 1.0)
    run(1, [*gone, stays])
    assert stays.begins == 0.0
    assert not any(task.ends for task in gone)
    queue = TaskQueue[Task](1, lambda task: task.wanted)
    for task in [*gone, stays]:
        queue.put(task, task.request, 0.0)
    queue.sweep()
    assert len(queue) == 1
    assert queue.take(0.0) is stays


def test_nothing_is_kept_of_a_request_that_has_ended() -> None:
    queue = TaskQueue[str](1)
    for number in range(100):
        queue.put("task", number, number)
        assert queue.take(number) == "task"
        queue.done("task", number + 0.5)
    assert (len(queue._requests), len(queue._runs)) == (0, 0)
    assert len(queue._short) + len(queue._long) <= 1


@pytest.mark.parametrize("decoders", [2, 4, 12])
def test_many_requests_of_one_slow_item_each_hold_up_nobody_for_long(decoders: int) -> None:
    slow = [Task(f"slow {number}", 60.0) for number in range(decoders)]
    quick = [Task(f"quick {number}", QUICK_S, comes=0.5 + number) for number in range(300)]
    run(decoders, [*slow, *quick])
    assert max(task.begins - task.comes for task in quick) < 1.5
    assert all(task.ends for task in slow)
    assert sum(task.stopped for task in slow) == 1


def test_slow_items_that_never_stop_coming_leave_a_decoder_now_and_then() -> None:
    slow = [Task(f"slow {number}", 60.0, comes=number) for number in range(120)]
    quick = [Task(f"quick {number}", QUICK_S, comes=5.5 + number * 10) for number in range(12)]
    run(4, [*slow, *quick])
    assert max(task.begins - task.comes for task in quick) < 90  # of 120 that have a second each before it
    assert max(task.ends for task in slow) < 1.1 * 120 * 60.0 / 3


def test_a_task_is_stopped_once_at_most_and_ends() -> None:
    slow = [Task(f"slow {number}", 5.0, comes=number / 10) for number in range(100)]
    run(3, slow)
    assert all(task.ends for task in slow)
    assert max(task.stopped for task in slow) == 1


@pytest.mark.parametrize("seconds", [0.9, 3.0])
def test_where_all_that_comes_is_slow_one_decoder_is_lost_at_most(seconds: float) -> None:
    slow = [Task(f"slow {number}", seconds) for number in range(200)]
    run(4, slow)
    assert max(task.ends for task in slow) < 1.1 * 200 * seconds / (3 if seconds > 1 else 4)


def test_nothing_gives_way_where_nobody_waits_or_what_waits_is_long_too() -> None:
    alone = [Task(f"slow {number}", 60.0) for number in range(4)]
    videos = [Task(f"video {number}", 60.0, is_long=True) for number in range(8)]
    run(4, [*alone, *videos])
    assert not any(task.stopped for task in [*alone, *videos])


def test_a_decoder_that_is_the_only_one_is_not_taken_away() -> None:
    slow, quick = Task("slow", 60.0), Task("quick", QUICK_S, comes=1.0)
    run(1, [slow, quick])
    assert slow.stopped == 0


def test_what_gave_way_is_the_next_of_its_request_and_kept_by_nobody_once_it_is_gone() -> None:
    queue = TaskQueue[str](2)
    for name in ("a", "b", "c"):
        queue.put(name, name, 0.0)
    assert (queue.take(0.0), queue.take(0.05)) == ("a", "b")
    assert not queue.gives_way("b", 0.9)
    assert not queue.gives_way("a", 1.1)
    assert queue.gives_way("b", 1.1)
    queue.put_back("b", 1.1)
    assert queue.take(1.1) == "c"
    assert queue.take(1.1) is None
    queue.done("c", 1.2)
    assert queue.take(1.2) is None  # the last decoder is for what may be short
    queue.done("a", 5.0)
    assert queue.take(5.0) == "b"
    assert not queue.gives_way("b", 50.0)
    queue.done("b", 60.0)
    assert (len(queue._requests), len(queue._runs), len(queue)) == (0, 0, 0)
