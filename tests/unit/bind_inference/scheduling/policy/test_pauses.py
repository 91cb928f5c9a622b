"""How much of an import's time queries may take."""

from bind_inference.scheduling.policy.pauses import PauseBudget


def test_a_query_that_comes_alone_runs_at_once() -> None:
    assert PauseBudget().may_interrupt(100.0)


def served(query_s: float, block_s: float, until_s: float) -> tuple[float, float, list[float]]:
    """Let a query wait at each pause; return the time of queries, of blocks, and of each wait."""
    budget, now = PauseBudget(), 1000.0
    end, queries, blocks, since = now + until_s, 0.0, 0.0, now
    waits = []
    while now < end:
        while budget.may_interrupt(now):
            waits.append(now - since)
            budget.interrupted(now, now + query_s)
            now += query_s
            queries += query_s
            since = now
        now += block_s
        blocks += block_s
    return queries, blocks, waits


def test_an_import_has_half_of_the_time_beside_queries_without_end() -> None:
    for query_s, block_s in ((0.05, 0.02), (0.004, 0.06), (1.0, 0.02), (0.0002, 0.00001)):
        queries, blocks, waits = served(query_s, block_s, 60.0)
        assert 0.9 < blocks / queries < 1.3 or blocks > queries
        assert max(waits) <= query_s + 2 * block_s + 1e-9


def test_time_without_queries_earns_no_more_than_a_moment() -> None:
    budget = PauseBudget(most_s=0.1)
    budget.interrupted(0.0, 0.05)
    now, ran = 3600.0, 0.0
    while budget.may_interrupt(now):
        budget.interrupted(now, now + 0.01)
        now, ran = now + 0.01, ran + 0.01
    assert ran <= 0.11 + 1e-9


def test_a_clock_that_stands_still_gives_nothing() -> None:
    budget = PauseBudget()
    budget.interrupted(5.0, 6.0)
    assert not budget.may_interrupt(6.0)
    assert not budget.may_interrupt(6.0)
    assert budget.may_interrupt(7.0)
