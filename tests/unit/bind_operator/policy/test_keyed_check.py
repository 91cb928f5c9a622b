"""The live check of a Weaviate that wants a key, which its gate has."""

from dataclasses import replace

from bind_operator.api.model import ModelName
from bind_operator.policy.answers import Answer, Fault
from bind_operator.policy.facts import Verification
from bind_operator.policy.verification import Answers, Expected, judge
from bind_operator.reasons import Reason

SERVER = {"model": "Tiny", "dimension": 32, "fingerprint": "Tiny-own-1"}
REFUSED = Answer("http://w/v1/meta", 401, {})
BY_KEY = Answer("http://g/weaviate/v1/meta", 200, {"modules": {"multi2vec-bind": SERVER}})
VECTORS = Answer(
    "http://g/verify", 200, {"textVectors": [[1.0, 2.0] * 16], "imageVectors": [[3.0, -1.0] * 16]}
)
EXPECTED = Expected(ModelName.TINY, key="the entry read-only of the Secret t-weaviate-keys")


def found(by_key: Answer | None) -> Verification:
    return judge(Answers(REFUSED, VECTORS, Answer("http://g/meta", 200, SERVER), by_key), EXPECTED)


def test_with_the_key_it_is_verified() -> None:
    result = found(BY_KEY)
    assert (result.holds, result.reason, result.fingerprint) == (True, Reason.VERIFIED, "Tiny-own-1")


def test_without_a_key_ready_does_not_wait() -> None:
    assert (found(None).holds, found(None).reason) == (None, Reason.AUTHENTICATION_REQUIRED)


def test_what_weaviate_shows_by_the_key_is_judged_as_ever() -> None:
    result = found(replace(BY_KEY, body={"modules": {}}))
    assert (result.holds, result.reason) == (False, Reason.VERIFICATION_FAILED)
    assert "does not show the module" in result.message


def test_a_key_that_is_not_there_is_named() -> None:
    result = found(replace(BY_KEY, status=424, body={"error": "the Secret or its entry is not there"}))
    assert (result.holds, result.reason) == (False, Reason.WEAVIATE_KEY_MISSING)
    assert "the entry read-only of the Secret t-weaviate-keys; create it" in result.message


def test_a_key_that_is_not_taken_has_its_remedy() -> None:
    result = found(replace(BY_KEY, status=401, body={}))
    assert (result.holds, result.reason) == (False, Reason.WEAVIATE_KEY_REFUSED)
    assert "spec.weaviate.authentication.apiKeys.revision" in result.message


def test_a_gate_before_this_and_one_out_of_reach_block_nothing_for_good() -> None:
    older = found(replace(BY_KEY, body=None))
    assert (older.reason, older.blocks) == (Reason.GATE_OUTDATED, False)
    away = found(replace(BY_KEY, status=0, body=None, fault=Fault.UNREACHABLE, text="no connection"))
    assert (away.holds, away.reason) == (None, Reason.VERIFYING)
