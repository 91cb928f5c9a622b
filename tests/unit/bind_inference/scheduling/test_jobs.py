"""Single flight: who may join which job."""

import asyncio

from bind_inference.items.embedding import content_key
from bind_inference.modality import Modality
from bind_inference.scheduling.jobs import Job, SingleFlight, Waiter
from bind_inference.service_class import kind_of

KEY = content_key(Modality.TEXT, "a")
TEXT = kind_of(Modality.TEXT, 1)


def waiter() -> Waiter:
    return Waiter(TEXT, "a", asyncio.get_running_loop().create_future())


def job(*waiters: Waiter) -> Job:
    made = Job(TEXT, "a", KEY)
    for one in waiters:
        made.add(one)
    return made


async def test_an_abandoned_job_is_not_joined_since_it_may_be_dropped_any_moment() -> None:
    single_flight, one, two = SingleFlight(), waiter(), waiter()
    first = job(one, two)
    single_flight.add(first)
    one.future.cancel()
    assert single_flight.get(KEY) is first
    two.future.cancel()
    assert single_flight.get(KEY) is None


async def test_a_job_that_ends_late_leaves_the_one_in_its_place() -> None:
    single_flight, old, new = SingleFlight(), job(), job(waiter())
    single_flight.add(old)
    single_flight.add(new)
    single_flight.remove(old)
    assert single_flight.get(KEY) is new
    single_flight.remove(new)
    assert len(single_flight) == 0


async def test_who_hung_up_is_not_answered_and_the_rest_are() -> None:
    gone, stays = waiter(), waiter()
    shared = job(gone, stays)
    gone.future.cancel()
    error = ValueError("any outcome")
    shared.finish(error)
    assert gone.future.cancelled()
    assert stays.future.result() is error
    assert shared.data == stays.data == ""
