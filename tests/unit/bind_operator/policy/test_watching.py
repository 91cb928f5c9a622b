"""Waits after failures, whose an event is, and when only a new process helps."""

import pytest

from bind_operator.policy import watching
from bind_operator.policy.facts import Key
from bind_operator.policy.objects import Object
from bind_operator.policy.watching import (
    CHILDREN,
    DEAF_AFTER_S,
    RESOURCES,
    Cause,
    EventNews,
    Signs,
    deaf,
    event_key,
    retry_wait_s,
)

KNOWN = {Key("demo", "shop"), Key("demo", "shop-2")}
POLICIES = next(kind for kind in CHILDREN if kind.is_optional)


def event(name: str, namespace: str = "demo") -> dict[str, object]:
    return {"involvedObject": {"name": name, "namespace": namespace}}


@pytest.mark.parametrize(
    ("name", "instance"),
    [
        ("shop-weaviate-0", "shop"),
        ("shop-2-inference-6b9f7c5d4-x2x4z", "shop-2"),
        ("weaviate-data-shop-weaviate-0", "shop"),
        ("shop-inference", "shop"),
        ("shop", None),
        ("other-weaviate-0", None),
        ("weaviate-0", None),
    ],
)
def test_an_event_is_the_resources_whose_objects_are_called_so(name: str, instance: str | None) -> None:
    found = event_key(event(name), KNOWN.__contains__)
    assert found == (Key("demo", instance) if instance else None)


def test_an_event_of_another_namespace_is_nobodys() -> None:
    assert event_key(event("shop-weaviate-0", "other"), KNOWN.__contains__) is None


def test_waits_grow_to_ten_seconds_and_never_end() -> None:
    waits = [
        retry_wait_s(RESOURCES, Cause.REFUSED, failures, None, 1.0) for failures in (1, 2, 3, 5, 6, 9999)
    ]
    assert waits == [0.5, 1.0, 2.0, 8.0, 10.0, 10.0]
    assert retry_wait_s(RESOURCES, Cause.FORBIDDEN, 9999, None, 0.0) == 5.0


def test_the_server_may_ask_for_more_up_to_half_a_minute() -> None:
    assert retry_wait_s(RESOURCES, Cause.REFUSED, 1, 20.0, 1.0) == 20.0
    assert retry_wait_s(RESOURCES, Cause.REFUSED, 1, 3600.0, 1.0) == 30.0


def test_a_right_that_may_be_missing_is_rarely_asked_for() -> None:
    assert retry_wait_s(POLICIES, Cause.FORBIDDEN, 1, None, 1.0) == 300.0


def signs(silent_s: float, tried_s: float, cause: Cause = Cause.REFUSED, *, optional: bool = False) -> Signs:
    return Signs("pods", optional, 1000 - silent_s, 1000 - tried_s, cause)


@pytest.mark.parametrize(
    "one",
    [
        signs(60, 60, Cause.NONE),
        signs(3600, 5, Cause.UNREACHABLE),
        signs(3600, 5, Cause.FORBIDDEN),
        signs(3600, 5, Cause.NOT_SERVED),
        signs(60, 5, Cause.UNAUTHORIZED),
        signs(3600, 3600, optional=True),
    ],
)
def test_a_new_process_would_not_help(one: Signs) -> None:
    assert deaf([one], 1000) is None


def test_a_watch_that_neither_hears_nor_tries_is_stuck() -> None:
    assert "pods" in (deaf([signs(60, 60), signs(DEAF_AFTER_S + 1, DEAF_AFTER_S + 1)], 1000) or "")


def test_refused_credentials_are_read_anew_by_a_new_process() -> None:
    assert "credentials" in (deaf([signs(DEAF_AFTER_S + 1, 5, Cause.UNAUTHORIZED)], 1000) or "")


def warning(uid: str, message: str, count: int = 1) -> Object:
    return {"metadata": {"uid": uid}, "reason": "FailedScheduling", "message": message, "count": count}


def test_an_event_that_is_counted_up_says_nothing_new() -> None:
    news = EventNews()
    assert news.is_new("ADDED", warning("a", "no node"))
    assert not news.is_new("MODIFIED", warning("a", "no node", 2))
    assert news.is_new("MODIFIED", warning("a", "no GPU", 3))
    assert not news.is_new("MODIFIED", warning("a", "no GPU", 4))
    assert news.is_new("ADDED", warning("b", "no GPU"))


def test_an_event_that_is_gone_is_forgotten_and_no_news() -> None:
    news = EventNews()
    assert news.is_new("ADDED", warning("a", "no node"))
    assert not news.is_new("DELETED", warning("a", "no node"))
    assert news.is_new("ADDED", warning("a", "no node"))


def test_so_many_events_are_remembered_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "MOST_EVENTS", 2)
    news = EventNews()
    for uid in "abc":
        assert news.is_new("ADDED", warning(uid, "no node"))
    assert not news.is_new("MODIFIED", warning("c", "no node"))
    assert news.is_new("MODIFIED", warning("a", "no node"))
