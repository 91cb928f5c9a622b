"""Requests share a queue; those that ask for as much come out in the order of their coming."""

import random
from dataclasses import dataclass

from bind_inference.scheduling.policy.item_queue import ItemQueue


@dataclass(frozen=True)
class Item:
    request: object
    name: int = 0
    gflop: float = 1.0


def names(queue: ItemQueue[Item]) -> list[int]:
    return [queue.take().item.name for _ in range(len(queue))]


def test_single_items_come_out_as_they_came() -> None:
    queue = ItemQueue[Item]()
    for name in range(50):
        queue.put(Item(name, name, gflop=1.0 + name % 7), 0.0)
    assert names(queue) == list(range(50))


def test_a_dear_request_gives_way_to_cheap_ones() -> None:
    queue = ItemQueue[Item]()
    for name in range(3):
        queue.put(Item("dear", name, gflop=10.0), 0.0)
    for name in range(3, 8):
        queue.put(Item("cheap", name, gflop=1.0), 0.0)
    assert names(queue) == [0, 3, 4, 5, 6, 7, 1, 2]


def test_nobody_starves_and_shares_are_equal() -> None:
    chance = random.Random(3)
    queue = ItemQueue[Item]()
    given = dict.fromkeys("abc", 0.0)
    for _ in range(3000):
        for request in "abc":
            queue.put(Item(request, gflop=chance.uniform(0.1, 5.0)), 0.0)
        item = queue.take().item
        given[str(item.request)] += item.gflop
    assert max(given.values()) - min(given.values()) <= 10.0


def test_a_request_of_several_goes_on_beside_new_ones_without_end() -> None:
    queue = ItemQueue[Item]()
    for name in range(8):
        queue.put(Item("several", name), 0.0)
    served = []
    for number in range(200):
        while len(queue) < 16:
            queue.put(Item(("new", number, len(queue)), -1), 0.0)
        served.append(queue.take().item.request)
    assert served.count("several") == 8
    gaps = [at for at, request in enumerate(served) if request == "several"]
    assert gaps[-1] <= 8 * 16


def test_what_is_given_back_is_next_and_still_counted() -> None:
    queue = ItemQueue[Item]()
    for name in range(4):
        queue.put(Item(name % 2, name), 0.0)
    taken = [queue.take() for _ in range(4)]
    order = [entry.item.name for entry in taken]
    assert queue.gflop == 0.0
    for entry in taken[1:]:
        queue.give_back(entry)
    assert queue.gflop == 3.0
    queue.put(Item("later", 9), 1.0)
    assert names(queue)[:3] == order[1:]


def test_requests_that_are_gone_are_forgotten() -> None:
    queue = ItemQueue[Item]()
    queue.put(Item("stays", -1), 0.0)
    for name in range(10_000):
        queue.put(Item(name, name), 0.0)
        queue.take()
    assert len(queue._requests) < 2000
