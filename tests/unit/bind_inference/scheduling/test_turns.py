"""Small works share the event loop with everything else, and their owners with each other."""

import asyncio

from bind_inference.scheduling.turns import SLICE_S, Pace, Turns


class Clock:
    """Time passes only where a work takes some."""

    def __init__(self) -> None:
        self.now = 0.0
        self.done: list[str] = []

    def work(self, name: str) -> None:
        self.now += SLICE_S / 4
        self.done.append(name)

    def turns(self) -> Turns[str]:
        return Turns(self.work, lambda: self.now)


async def test_what_fits_is_done_at_once_and_the_rest_later() -> None:
    clock = Clock()
    turns = clock.turns()
    for number in range(10):
        turns.put("one", str(number))
    assert clock.done == list("0123")
    await asyncio.sleep(0)
    assert clock.done == list("01234567")
    await asyncio.sleep(0)
    assert clock.done == list("0123456789")


async def test_one_with_a_thousand_holds_up_none_with_one() -> None:
    clock = Clock()
    turns = clock.turns()
    for number in range(1000):
        turns.put("many", str(number))
    turns.put("single", "mine")
    await asyncio.sleep(0)
    assert clock.done.index("mine") < 8


async def test_each_turn_of_the_loop_has_its_time_again() -> None:
    clock = Clock()
    turns = clock.turns()
    for _ in range(3):
        for name in "abcd":
            turns.put("one", name)
        await asyncio.sleep(0)
    assert clock.done == list("abcd" * 3)


async def test_one_piece_of_work_is_done_a_turn_of_the_loop() -> None:
    pace, done, turns = Pace(), list[int](), list[int]()

    async def request(number: int) -> None:
        await pace.turn()
        done.append(number)

    asked = [asyncio.create_task(request(number)) for number in range(50)]
    while len(done) < len(asked):
        before = len(done)
        await asyncio.sleep(0)
        turns.append(len(done) - before)
    assert max(turns) == 1
    assert done == list(range(50))
    await pace.turn()


async def test_what_has_begun_goes_first_and_who_has_gone_costs_no_turn() -> None:
    pace, done = Pace(), list[str]()

    async def request(name: str, *, late: bool) -> None:
        await pace.turn(late=late)
        done.append(name)

    asked = [asyncio.create_task(request(name, late=name.isupper())) for name in "ABabcd"]
    await asyncio.sleep(0)
    asked[3].cancel()
    await asyncio.gather(*asked, return_exceptions=True)
    assert "".join(done) == "AacdB"
