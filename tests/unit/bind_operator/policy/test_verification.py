"""What the live check makes of answers."""

from dataclasses import replace
from typing import Any

import pytest

from bind_operator.api.model import DIMENSIONS, ModelName
from bind_operator.policy.answers import Answer, Fault, quote
from bind_operator.policy.facts import VectorSketches, Verification
from bind_operator.policy.golden import GOLDEN
from bind_operator.policy.sketch import sketch
from bind_operator.policy.verification import Answers, Expected, judge
from bind_operator.reasons import Reason

TEXT, IMAGE = [1.0, 2.0] * 16, [3.0, -1.0] * 16
SERVER = {"model": "Tiny", "dimension": 32, "fingerprint": "Tiny-own-1"}
WEAVIATE = Answer("http://w/v1/meta", 200, {"modules": {"multi2vec-bind": SERVER}})
VECTORS = Answer("http://g/verify", 200, {"textVectors": [TEXT], "imageVectors": [IMAGE]})
REFUSED = Answer("http://w/v1/meta", 401, {"error": [{"message": "anonymous access not enabled"}]})
TINY = Expected(ModelName.TINY)
SKETCHES = VectorSketches("Tiny-own-1", sketch(TEXT), sketch(IMAGE))


def weaviate(entry: Any) -> Answer:
    return replace(WEAVIATE, body={"modules": {"multi2vec-bind": entry}})


def vectors(text: Any, image: Any) -> Answer:
    return replace(VECTORS, body={"textVectors": text, "imageVectors": image})


def found(
    meta: Answer = WEAVIATE, verify: Answer | None = VECTORS, expected: Expected = TINY
) -> Verification:
    return judge(Answers(meta, verify), expected)


def test_all_as_expected() -> None:
    result = found()
    assert (result.holds, result.reason, result.vectors) == (True, Reason.VERIFIED, SKETCHES)
    assert "Tiny (32 dimensions)" in result.message


FAILED = {
    "no module": (
        replace(WEAVIATE, body={"modules": {}}),
        VECTORS,
        "does not show the module multi2vec-bind",
    ),
    "empty metadata": (replace(WEAVIATE, body={}), VECTORS, "does not show the module"),
    "no metadata": (replace(WEAVIATE, body=[]), VECTORS, "does not show the module"),
    "strange entry": (weaviate("yes"), VECTORS, "shows something strange"),
    "wrong dimension": (weaviate(SERVER | {"dimension": 1024}), VECTORS, "Tiny of 1024 dimensions"),
    "wrong model": (weaviate(SERVER | {"model": "ImageBindHuge"}), VECTORS, "ImageBindHuge of 32"),
    "strange server": (weaviate({}), VECTORS, "None of None dimensions"),
    "redirect": (replace(WEAVIATE, fault=Fault.UNUSABLE, text="a redirect"), VECTORS, "a redirect"),
    "no vectors": (WEAVIATE, replace(VECTORS, body={}), "0 textVectors where one"),
    "too many": (WEAVIATE, vectors([TEXT, TEXT], [IMAGE]), "2 textVectors"),
    "null": (WEAVIATE, vectors([TEXT], None), "0 imageVectors"),
    "short vector": (WEAVIATE, vectors([TEXT], [IMAGE[:-1]]), "31 numbers, not 32"),
    "no vector": (WEAVIATE, vectors([TEXT], ["x" * 32]), "no numbers, not 32"),
    "NaN": (WEAVIATE, vectors([TEXT], [[float("nan"), *IMAGE[1:]]]), "no finite number"),
    "infinite": (WEAVIATE, vectors([[float("inf"), *TEXT[1:]]], [IMAGE]), "no finite number"),
    "huge": (WEAVIATE, vectors([[10**400, *TEXT[1:]]], [IMAGE]), "no finite number"),
    "boolean": (WEAVIATE, vectors([[True] * 32], [IMAGE]), "no finite number"),
    "zero": (WEAVIATE, vectors([[0.0] * 32], [IMAGE]), "one is zero"),
    "refused": (WEAVIATE, Answer("u", 422, {"error": "not an image"}), "status 422: not an image"),
    "bug": (WEAVIATE, Answer("u", 500, {"error": "internal"}), "status 500: internal"),
}


@pytest.mark.parametrize("name", FAILED)
def test_what_is_wrong_is_told(name: str) -> None:
    meta, verify, text = FAILED[name]
    result = found(meta, verify)
    assert (result.holds, result.reason, result.blocks) == (False, Reason.VERIFICATION_FAILED, True)
    assert text in result.message


UNKNOWN = {
    "module reports an error": (
        weaviate({"error": "no ImageBind server is ready"}),
        VECTORS,
        "reports: no Im",
    ),
    "Weaviate is ill": (replace(WEAVIATE, status=500, body=None), VECTORS, "status 500"),
    "Weaviate is silent": (Answer("u", fault=Fault.SLOW, text="no answer"), VECTORS, "u: no answer"),
    "no server": (WEAVIATE, Answer("u", 503, {"error": "no ImageBind server is ready"}), "status 503: no Im"),
    "gate is away": (WEAVIATE, Answer("u", fault=Fault.BROKEN, text="reset"), "u: reset"),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_without_an_answer_nothing_is_known(name: str) -> None:
    meta, verify, text = UNKNOWN[name]
    result = found(meta, verify)
    assert (result.holds, result.reason, result.blocks) == (None, Reason.VERIFYING, True)
    assert text in result.message


@pytest.mark.parametrize(
    "verify", [Answer("u", 429, {"error": "full"}), Answer("u", 504), Answer("u", fault=Fault.SLOW, text="-")]
)
def test_a_busy_server_is_called_busy(verify: Answer) -> None:
    assert found(verify=verify).reason is Reason.INFERENCE_BUSY


def test_what_is_wrong_goes_before_what_is_not_known() -> None:
    result = found(replace(WEAVIATE, body={}), Answer("u", fault=Fault.UNREACHABLE, text="refused"))
    assert result.holds is False


def test_credentials_leave_the_vectors_to_be_checked() -> None:
    result = judge(Answers(REFUSED, VECTORS, Answer("g", 200, SERVER)), TINY)
    assert (result.holds, result.blocks, result.reason) == (None, False, Reason.AUTHENTICATION_REQUIRED)
    assert result.vectors == SKETCHES
    assert "embeds a text and a picture" in result.message
    wrong = judge(Answers(REFUSED, vectors([TEXT], []), Answer("g", 200, SERVER)), TINY)
    assert wrong.holds is False


def test_without_pods_weaviate_alone_is_asked() -> None:
    result = found(weaviate({"error": "no ImageBind server is ready"}), None)
    assert (result.holds, result.blocks, result.reason) == (None, False, Reason.NO_INFERENCE_PODS)


def test_a_gate_of_an_older_chart_does_not_block() -> None:
    result = found(verify=replace(VECTORS, body=None))
    assert (result.holds, result.blocks, result.reason) == (None, False, Reason.GATE_OUTDATED)


def test_upstreams_server_need_only_give_vectors_of_1024_numbers() -> None:
    entry = weaviate({"anything": 1})
    vector = [0.5] * DIMENSIONS[ModelName.IMAGEBIND_HUGE]
    result = found(entry, vectors([vector], [vector]), Expected(None))
    assert (result.holds, result.vectors) == (True, None)
    assert found(entry, VECTORS, Expected(None)).holds is False


def test_golden_vectors_are_asked_of_a_known_fingerprint() -> None:
    golden = next(iter(GOLDEN))
    result = found(weaviate(SERVER | {"fingerprint": golden}))
    assert (result.holds, result.fingerprint) == (False, golden)
    assert f"not those of its fingerprint {golden}" in result.message
    assert "does not run the weights that it names" in result.message
    assert "text" in result.message
    assert "picture" in result.message


def test_other_vectors_of_a_fingerprint_are_noticed_once_it_was_seen() -> None:
    moved = [*TEXT[:8], *(-value for value in TEXT[8:])]
    remembered = Expected(ModelName.TINY, SKETCHES)
    result = found(verify=vectors([moved], [IMAGE]), expected=remembered)
    assert (result.holds, result.vectors) == (False, None)
    assert "remove status.verifiedVectors" in result.message
    assert "picture" not in result.message
    assert found(verify=vectors([moved], [IMAGE])).holds is True
    assert found(verify=VECTORS, expected=remembered).holds is True


def test_another_fingerprint_may_have_other_vectors() -> None:
    before = replace(SKETCHES, fingerprint="Tiny-own-2", text="00" * 32)
    assert found(expected=Expected(ModelName.TINY, before)).holds is True


def test_rounding_is_no_difference() -> None:
    near = [value * (1.02 if number % 3 else 1.0) for number, value in enumerate(TEXT)]
    assert found(verify=vectors([near], [IMAGE]), expected=Expected(ModelName.TINY, SKETCHES)).holds is True


def test_int8_may_differ_more() -> None:
    near = [value * (1.3 if number % 3 else 1.0) for number, value in enumerate(TEXT)]
    outcomes = []
    for fingerprint in ("Huge-float32-1", "Huge-int8-1"):
        meta = weaviate(SERVER | {"fingerprint": fingerprint})
        expected = Expected(ModelName.TINY, replace(SKETCHES, fingerprint=fingerprint))
        outcomes.append(found(meta, vectors([near], [IMAGE]), expected).holds)
    assert outcomes == [False, True]


def test_what_servers_say_is_bounded_and_plain() -> None:
    assert quote("a\x1b[31m\n\u202eb") == "a [31m b"
    assert len(quote("x" * 10_000)) == 200
    long = found(weaviate({"error": "\x07" * 50 + "y" * 5_000}))
    assert len(long.message) < 400
    assert long.message.isprintable()


ELSEWHERE = Expected(None, inference_url="http://b.local")


def test_a_server_elsewhere_says_itself_how_long_its_vectors_are() -> None:
    result = found(expected=ELSEWHERE)
    assert (result.holds, result.vectors) == (True, SKETCHES)
    longer = found(weaviate(SERVER | {"dimension": 64}), expected=ELSEWHERE)
    assert "32 numbers, not 64" in longer.message
    upstream = found(weaviate({"version": "x"}), vectors([TEXT * 32], [IMAGE * 32]), ELSEWHERE)
    assert (upstream.holds, upstream.vectors) == (True, None)


@pytest.mark.parametrize(
    ("status", "holds", "reason", "words"),
    [
        (503, None, Reason.INFERENCE_UNREACHABLE, "check spec.inference.external.url"),
        (502, None, Reason.INFERENCE_UNREACHABLE, "check spec.inference.external.url"),
        (401, False, Reason.INFERENCE_KEY_REFUSED, "spec.inference.external.apiKey"),
        (422, False, Reason.VERIFICATION_FAILED, "status 422: why"),
        (429, None, Reason.INFERENCE_BUSY, "too busy"),
    ],
)
def test_a_server_elsewhere_that_gives_no_vectors_is_told_with_the_remedy(
    status: int, holds: bool | None, reason: Reason, words: str
) -> None:
    # Weaviate only passes on what the gate has from nobody.
    entry = {"error": "no ImageBind server is ready"} if status > 500 else SERVER
    answer = Answer("http://g/verify", status, {"error": "why"})
    result = found(weaviate(entry), answer, ELSEWHERE)
    assert (result.holds, result.reason) == (holds, reason)
    assert words in result.message
    assert result.inference_fault is not None
    assert result.inference_fault.reason is reason
    assert bool(result.in_the_end) is (reason is Reason.INFERENCE_UNREACHABLE)
