"""What all workers hold, added up by each of them."""

import os

import pytest

from bind_inference.errors import QueueFull, RequestTooLarge
from bind_inference.scheduling.policy.admission import RESERVED_SHARE
from bind_inference.scheduling.service import decoded_share
from bind_inference.settings import Settings
from bind_inference.workers.shared_budget import Places, SharedBudget, bodies_share, map_places


def budgets(places: Places, count: int, limit: int = 80) -> list[SharedBudget]:
    return [
        SharedBudget(limit, "bytes", limit // RESERVED_SHARE, map_places(places.file), places.take())
        for _ in range(count)
    ]


@pytest.mark.parametrize("count", [1, 4, 5, 64])
def test_a_body_of_the_largest_size_fits_whatever_the_number_of_workers(count: int) -> None:
    settings = Settings(model="Tiny", http_workers=count)
    share = bodies_share(settings)
    one, *_ = budgets(Places(count), count, share)
    one.take(settings.max_request_bytes)
    assert share + decoded_share(settings) == settings.max_queue_bytes
    assert decoded_share(Settings(model="Tiny", http_workers=0)) == settings.max_queue_bytes


def test_what_one_holds_the_others_cannot() -> None:
    places = Places(2)
    one, other = budgets(places, 2)
    one.take(60)
    with pytest.raises(QueueFull, match="60 of 70 bytes"):
        other.take(20)
    other.take(10)
    assert (one.held, other.held, one.held_by_all(), places.held()) == (60, 10, 70, 70)
    other.take(10, small=True)
    with pytest.raises(QueueFull):
        one.take(1, small=True)
    with pytest.raises(RequestTooLarge):
        other.take(71)
    one.give(60)
    other.take(50)
    assert (places.held(), one.held) == (70, 0)


def test_what_one_held_that_has_ended_is_free() -> None:
    places = Places(2)
    one, other = budgets(places, 2)
    one.take(60)
    places.free(0)
    other.take(70)
    assert places.take() == 0


def test_nobody_can_make_the_memory_smaller_under_the_others() -> None:
    places = Places(2)
    with pytest.raises(OSError, match="not permitted"):
        os.ftruncate(places.file.fd, 0)
