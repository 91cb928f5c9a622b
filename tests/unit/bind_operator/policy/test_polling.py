"""How often a resource that is not ready is looked at."""

from bind_operator.policy.polling import Polling


def test_the_wait_doubles_up_to_the_resync_while_nothing_is_new() -> None:
    polling = Polling(base_s=10, max_s=300)
    waits = [polling.wait_s("a", is_new=False) for _ in range(8)]
    assert waits == [10, 20, 40, 80, 160, 300, 300, 300]


def test_something_new_starts_anew() -> None:
    polling = Polling(base_s=10, max_s=300)
    for _ in range(3):
        polling.wait_s("a", is_new=False)
    assert polling.wait_s("a", is_new=True) == 10
    assert polling.wait_s("a", is_new=False) == 20


def test_each_resource_has_its_own_wait() -> None:
    polling = Polling(base_s=10, max_s=300)
    polling.wait_s("a", is_new=False)
    assert polling.wait_s("b", is_new=False) == 10


def test_a_forgotten_one_starts_anew() -> None:
    polling = Polling(base_s=10, max_s=300)
    polling.wait_s("a", is_new=False)
    polling.forget("a")
    assert polling.wait_s("a", is_new=False) == 10


def test_a_resync_shorter_than_the_first_wait_bounds_it() -> None:
    assert Polling(base_s=10, max_s=5).wait_s("a", is_new=True) == 5
