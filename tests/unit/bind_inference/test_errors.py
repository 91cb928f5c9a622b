"""Each error knows its status, keeps it when named, and tells all when combined."""

import re
from http import HTTPStatus
from inspect import getdoc

import pytest

from bind_inference import errors
from bind_inference.errors import (
    AudioTooShort,
    BindError,
    InvalidItem,
    MediaTooLarge,
    UnsupportedMedia,
    combine,
)


def family(kind: type[BindError]) -> list[type[BindError]]:
    return [kind, *(each for child in kind.__subclasses__() for each in family(child))]


SUBCLASSES = family(BindError)[1:]
PROMISED = {400, 401, 408, 413, 415, 422, 429, 503, 504}


@pytest.mark.parametrize("kind", SUBCLASSES)
def test_every_error_is_a_promised_status(kind: type[BindError]) -> None:
    assert kind.status in PROMISED
    assert isinstance(kind.status, HTTPStatus)


@pytest.mark.parametrize("kind", SUBCLASSES)
def test_every_error_is_in_the_tree_of_the_module_with_its_status(kind: type[BindError]) -> None:
    assert re.search(rf"── {kind.__name__}\s+{kind.status.value}\b", getdoc(errors) or "")


@pytest.mark.parametrize("kind", SUBCLASSES)
def test_naming_the_item_keeps_the_kind(kind: type[BindError]) -> None:
    named = kind("not a picture").named("images[2]")
    assert type(named) is kind
    assert named.message == "images[2]: not a picture"
    assert str(named) == named.message


def test_only_errors_that_pass_say_when_to_come_again() -> None:
    assert {kind.status for kind in SUBCLASSES if kind.retry_after_s is not None} == {429, 503}


def test_all_promised_statuses_are_used() -> None:
    assert {kind.status for kind in SUBCLASSES} == PROMISED


def test_one_error_stays_itself() -> None:
    error = UnsupportedMedia("a PDF")
    assert combine([error]) is error


def test_errors_of_one_status_keep_it() -> None:
    both = combine([MediaTooLarge("a"), MediaTooLarge("b")])
    assert both.status == 413
    assert both.message == "a; b"


def test_a_subclass_with_its_parent_keeps_their_status() -> None:
    assert combine([AudioTooShort("a"), InvalidItem("b")]).status == 422


def test_errors_of_several_statuses_become_unprocessable() -> None:
    assert combine([MediaTooLarge("a"), UnsupportedMedia("b")]).status == 422


def test_a_hundred_errors_are_counted_not_all_named() -> None:
    message = combine([InvalidItem(f"images[{index}]: bad") for index in range(100)]).message
    assert message.startswith("images[0]: bad; images[1]: bad")
    assert message.endswith("and 80 more")
