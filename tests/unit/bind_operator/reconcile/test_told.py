"""What was told is not told again, and its end is."""

from bind_operator.policy.facts import Key
from bind_operator.reconcile.told import Told

KEY = Key("demo", "search")
READY, FAILED = ("True", "InSync"), ("False", "HelmFailed")


def test_a_word_on_ready_is_told_once_although_the_status_cannot_be_written() -> None:
    told = Told()
    assert told.is_new_ready(KEY, READY, FAILED)
    assert not told.is_new_ready(KEY, READY, FAILED)


def test_the_end_of_what_was_told_is_told_although_no_status_ever_said_it() -> None:
    told = Told()
    assert not told.is_new_ready(KEY, READY, READY)
    assert told.is_new_ready(KEY, READY, FAILED)
    assert told.is_new_ready(KEY, READY, READY)


def test_the_first_look_compares_with_the_status() -> None:
    assert not Told().is_new_ready(KEY, FAILED, FAILED)
    assert Told().is_new_ready(KEY, (None, None), FAILED)


def test_revisions_are_told_of_in_order() -> None:
    told = Told()
    assert not told.has_revision(KEY, 1)
    told.note_revision(KEY, 2)
    assert told.has_revision(KEY, 1)
    assert told.has_revision(KEY, 2)
    assert not told.has_revision(KEY, 3)


def test_a_resource_that_comes_again_begins_anew() -> None:
    told = Told()
    told.note_revision(KEY, 2)
    told.is_new_ready(KEY, READY, FAILED)
    told.forget(KEY)
    assert not told.has_revision(KEY, 1)
    assert not told.is_new_ready(KEY, READY, READY)
