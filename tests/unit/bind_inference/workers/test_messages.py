"""What is packed for the other process is what it reads there."""

import numpy as np
import pytest

from bind_inference.errors import BindError, InvalidItem, PoisonItem, QueueFull
from bind_inference.items.bodies import Item, ParsedBody, RemoteItem
from bind_inference.items.embedding import Embedding, content_key
from bind_inference.items.shared_memory import Blob, Shared
from bind_inference.modality import Modality
from bind_inference.readiness import Amount, Phase, Readiness
from bind_inference.scheduling.policy.texts import LONGEST
from bind_inference.settings import Settings
from bind_inference.workers.messages import (
    SHORT_TEXT,
    Malformed,
    join_frame,
    pack_body,
    pack_error,
    pack_items,
    pack_outcomes,
    pack_readiness,
    pack_settings,
    split_packet,
    unpack_body,
    unpack_error,
    unpack_items,
    unpack_outcomes,
    unpack_readiness,
)

from ..test_errors import SUBCLASSES

ODD = ["", "a dog", "日本語", "\0", "\ud800", "a\udfffb", '"\\\n', "\U0010ffff", "x" * 100_000]


def through(head: object) -> object:
    """Return what the other process reads."""
    (found,) = split_packet(join_frame({"head": head}, b"payload"), [])
    assert found.payload == b"payload"
    return found.head["head"]


@pytest.mark.parametrize("kind", SUBCLASSES)
@pytest.mark.parametrize("message", ODD)
def test_every_error_is_the_same_there(kind: type[BindError], message: str) -> None:
    error = kind(message).named("images[3]")
    found = unpack_error(through(pack_error(error)))  # type: ignore[arg-type]
    assert type(found) is kind
    assert (found.message, found.item) == (error.message, "images[3]")
    assert (found.status, found.retry_after_s) == (error.status, error.retry_after_s)


def test_an_error_without_an_item_has_none_there() -> None:
    assert unpack_error(through(pack_error(QueueFull("full")))).item is None  # type: ignore[arg-type]


def test_a_class_that_there_is_not_cannot_be_called() -> None:
    assert type(unpack_error(["Sequence", "x", None])) is InvalidItem
    assert type(unpack_error(["__builtins__", "x", None])) is InvalidItem


@pytest.mark.parametrize("text", ODD)
def test_texts_are_the_same_there(text: str) -> None:
    packed, files = pack_items([Item(Modality.TEXT, 5, text)])
    (item,) = unpack_items(through(packed), files)  # type: ignore[arg-type]
    assert (item.modality, item.index) == (Modality.TEXT, 5)
    assert (item.data if isinstance(item.data, str) else item.data.read()) == text
    assert isinstance(item.data, str) is (len(text) <= SHORT_TEXT)
    assert content_key(item.modality, item.data) == content_key(Modality.TEXT, text)


def test_the_scheduler_tokenizes_the_texts_that_come_as_strings() -> None:
    assert SHORT_TEXT == LONGEST


def test_media_lie_in_one_file_under_their_hashes() -> None:
    items = [Item(Modality.IMAGE, 0, "aGVsbG8="), Item(Modality.TEXT, 0, "a"), Item(Modality.AUDIO, 1, "")]
    packed, files = pack_items(items)
    assert len(files) == 1
    found = unpack_items(through(packed), files)  # type: ignore[arg-type]
    assert [(item.modality, item.index) for item in found] == [(item.modality, item.index) for item in items]
    for before, after in zip(items, found, strict=True):
        assert content_key(after.modality, after.data) == content_key(before.modality, before.data)
        assert (after.data if isinstance(after.data, str) else after.data.read()) == before.data


def test_what_lies_in_a_file_already_stays_there() -> None:
    shared = Shared()
    blob = Blob(shared, shared.write(b"aGVsbG8="), 8, bytes(32))
    packed, files = pack_items([Item(Modality.IMAGE, 0, blob)])
    assert files == [shared]
    assert unpack_items(packed, files) == [Item(Modality.IMAGE, 0, blob)]


def test_media_of_a_request_may_lie_in_several_files() -> None:
    items = [Item(Modality.IMAGE, 0, "aGVsbG8=")]
    for number in (1, 2):
        shared = Shared()
        shared.write(b"skipped")
        items.append(Item(Modality.IMAGE, number, Blob(shared, shared.write(b"%d" % number), 1, bytes(32))))
    packed, files = pack_items(items)
    found = unpack_items(through(packed), files)  # type: ignore[arg-type]
    assert len(files) == 3
    assert [item.data.read() for item in found if isinstance(item.data, Blob)] == ["aGVsbG8=", "1", "2"]


def test_vectors_and_errors_keep_their_order_and_every_bit() -> None:
    rows = np.random.default_rng(1).standard_normal((3, 32)).astype(np.float32)
    rows[0, :3] = np.nan, np.inf, 1e-45
    good = [Embedding(rows[0], 7), Embedding(rows[1]), Embedding(rows[2], 2)]
    outcomes: list[Embedding | BindError] = [
        good[0],
        PoisonItem("refused"),
        good[1],
        InvalidItem("\ud800"),
        good[2],
    ]
    packed, vectors = pack_outcomes(outcomes)
    found = unpack_outcomes(through(packed), vectors)  # type: ignore[arg-type]
    assert [type(outcome) for outcome in found] == [type(outcome) for outcome in outcomes]
    for before, after in zip(outcomes, found, strict=True):
        if isinstance(before, Embedding):
            assert isinstance(after, Embedding)
            assert after.vector.tobytes() == before.vector.tobytes()
            assert after.tokens == before.tokens
        else:
            assert isinstance(after, BindError)
            assert after.message == before.message


def test_windows_keep_their_vectors_and_times_among_others() -> None:
    rows = np.random.default_rng(1).standard_normal((5, 32)).astype(np.float32)
    times_s = [(0.0, 2.0), (1.0, 3.0), (1.5, 3.5)]
    outcomes: list[Embedding | BindError] = [
        Embedding(rows[0], 3),
        Embedding(rows[1:4], 0, times_s),
        InvalidItem("broken"),
        Embedding(rows[:0], 0, []),
        Embedding(rows[4]),
    ]
    packed, vectors = pack_outcomes(outcomes)
    found = unpack_outcomes(through(packed), vectors)  # type: ignore[arg-type]
    assert [type(outcome) for outcome in found] == [type(outcome) for outcome in outcomes]
    for before, after in zip(outcomes, found, strict=True):
        if isinstance(before, Embedding):
            assert isinstance(after, Embedding)
            assert np.array_equal(before.vector, after.vector)
            assert before.times_s == after.times_s


def test_no_vector_at_all_is_no_fault() -> None:
    packed, vectors = pack_outcomes([InvalidItem("a"), InvalidItem("b")])
    assert [str(error) for error in unpack_outcomes(packed, vectors)] == ["a", "b"]


def test_a_body_is_the_same_there() -> None:
    body = ParsedBody(
        [Item(Modality.TEXT, 2, "a")],
        [InvalidItem("broken").named("input[1]")],
        {"count": 3, "model": None},
        [RemoteItem(Modality.IMAGE, 0, "https://x/\ud800")],
    )
    head, files = pack_body(body)
    found = unpack_body(through(head), [])  # type: ignore[arg-type]
    assert not files
    assert (found.items, found.options, found.remote) == (body.items, body.options, body.remote)
    assert [(error.message, error.item) for error in found.faults] == [("input[1]: broken", "input[1]")]


@pytest.mark.parametrize(
    "readiness",
    [Readiness(), Readiness(Phase.DOWNLOADING, "half", 0.5, Amount(1, 2, 3.5)), Readiness(Phase.FAILED, "x")],
)
def test_the_state_is_the_same_there(readiness: Readiness) -> None:
    found = unpack_readiness(through(pack_readiness(readiness)))  # type: ignore[arg-type]
    assert found == readiness
    assert found.describe() == readiness.describe()


def test_a_packet_gives_each_message_its_own_files() -> None:
    files = [Shared(), Shared(), Shared()]
    packet = join_frame({"a": 1}, b"x", 1) + join_frame({"b": 2}) + join_frame({"c": 3}, b"", 2)
    first, second, third = split_packet(packet, files)
    assert [message.head for message in (first, second, third)] == [{"a": 1}, {"b": 2}, {"c": 3}]
    assert (first.payload, first.files, second.files, third.files) == (b"x", files[:1], [], files[1:])
    with pytest.raises(Malformed):
        split_packet(packet, files[:2])
    assert [message.cut for message in split_packet(packet, files[:2], cut=True)] == [False, False, True]


WHOLE = join_frame({"a": 1}, b"x")


@pytest.mark.parametrize("packet", [b"\0", WHOLE[:-1], WHOLE[:12], WHOLE + b"x", WHOLE.replace(b"{", b"[")])
def test_what_is_no_message_is_known_as_none(packet: bytes) -> None:
    assert len(split_packet(WHOLE, [])) == 1
    with pytest.raises(Malformed):
        split_packet(packet, [])


@pytest.mark.parametrize(
    "packed",
    [[["text"]], [["taste", 0, "a"]], [["image", 0, 0, 5, "00", 0]], [["image", 0, 0, 5, "x", 0]], [1]],
)
def test_items_that_are_none_are_known_too(packed: list[list[object]]) -> None:
    with pytest.raises(Malformed):
        unpack_items(packed, [])


@pytest.mark.parametrize("keys", [None, "a-key-of-somebody,another-key-of-somebody"])
def test_settings_travel_with_their_keys(keys: str | None) -> None:
    settings = Settings(model="Tiny", api_keys=keys, http_workers=2)
    head = through(pack_settings(settings))
    assert isinstance(head, dict)
    assert Settings(**head) == settings
