"""What the answer of a Weaviate that somebody else runs means, and what its owner is told."""

from dataclasses import replace
from typing import Any

import pytest
import yaml

from bind_operator.api.model import ModelName
from bind_operator.policy.answers import Answer, Fault
from bind_operator.policy.external import ExternalTarget, settings_in_words, weaviate_settings
from bind_operator.policy.facts import Key, Verification
from bind_operator.policy.verification import Answers, Expected, judge
from bind_operator.reasons import Reason

KEY = Key("space", "shop")
ADDRESS = "http://shop-gate.space.svc"
SERVER = {"model": "Tiny", "dimension": 32, "fingerprint": "Tiny-own-1", "gate": "space/shop"}
TARGET = ExternalTarget("http://w.local", "", settings_in_words(KEY))
KEYED = replace(TARGET, key="the entry key of the Secret keys")
WEAVIATE = Answer("http://g:8182/weaviate/v1/meta", 200, {"version": "1.35.2", "modules": {}})
VECTORS = Answer("http://g/verify", 200, {"textVectors": [[1.0] * 32], "imageVectors": [[2.0] * 32]})


def test_weaviate_waits_longer_than_the_gate_holds() -> None:
    settings = weaviate_settings(KEY, hold_s=80)
    assert settings.env["MODULES_CLIENT_TIMEOUT"] == "85s"
    assert yaml.safe_load(settings.helm_values)["env"] == {"MODULES_CLIENT_TIMEOUT": "85s"}


def shows(entry: Any, version: str = "1.35.2") -> Answer:
    return replace(WEAVIATE, body={"version": version, "modules": {"multi2vec-bind": entry}})


def found(
    weaviate: Answer,
    target: ExternalTarget = TARGET,
    gate_meta: Any = SERVER,
    verify: Answer | None = VECTORS,
    model: ModelName | None = ModelName.TINY,
) -> Verification:
    meta = None if gate_meta is None else Answer("http://g/meta", 200, gate_meta)
    return judge(Answers(weaviate, verify, meta), Expected(model, weaviate=target))


def test_what_has_to_be_set() -> None:
    settings = weaviate_settings(KEY)
    assert settings.env == {"ENABLE_MODULES": "multi2vec-bind", "BIND_INFERENCE_API": ADDRESS}
    module = yaml.safe_load(settings.helm_values)["modules"]["multi2vec-bind"]
    assert module == {"enabled": False, "inferenceUrl": ADDRESS}
    for value in settings.env.values():
        assert value in settings_in_words(KEY)


def test_a_weaviate_that_asks_this_gate_is_verified() -> None:
    result = found(shows(SERVER))
    assert (result.holds, result.reason) == (True, Reason.VERIFIED), result.message
    assert (result.fingerprint, result.weaviate_fault, result.inference_fault) == ("Tiny-own-1", None, None)


UNSET = {
    "no module": (WEAVIATE, Reason.MODULE_ABSENT, "does not show the module multi2vec-bind"),
    "old": (replace(WEAVIATE, body={"version": "1.20.6", "modules": {}}), Reason.WEAVIATE_TOO_OLD, "1.20.6"),
    "another gate": (shows(SERVER | {"gate": "a/b"}), Reason.MODULE_ELSEWHERE, "behind the gate a/b"),
    "past the gate": (
        shows({name: value for name, value in SERVER.items() if name != "gate"}),
        Reason.MODULE_ELSEWHERE,
        "another way or another server (Tiny)",
    ),
    "upstream": (shows({"version": "x"}), Reason.MODULE_ELSEWHERE, "answered by another server"),
    "nobody": (shows({"error": "dial tcp: refused"}), Reason.MODULE_ELSEWHERE, "dial tcp: refused"),
}


@pytest.mark.parametrize("case", UNSET)
def test_what_is_not_set_is_told_with_what_to_set(case: str) -> None:
    answer, reason, words = UNSET[case]
    result = found(answer)
    assert (result.holds, result.reason) == (False, reason)
    assert words in result.message
    assert f"BIND_INFERENCE_API={ADDRESS}" in result.message
    assert result.weaviate_fault is not None
    assert result.weaviate_fault.reason is reason


def test_no_version_and_a_new_one_are_not_too_old() -> None:
    for version in ("", "1.21.0", "2.0.0", "latest"):
        answer = replace(WEAVIATE, body={"version": version, "modules": {}})
        assert found(answer).reason is Reason.MODULE_ABSENT, version


@pytest.mark.parametrize(
    ("answer", "target", "reason", "words"),
    [
        (
            Answer("u", 424, {"error": "x"}),
            KEYED,
            Reason.WEAVIATE_KEY_MISSING,
            "create the entry key of the S",
        ),
        (
            Answer("u", 401, {"error": "x"}),
            KEYED,
            Reason.WEAVIATE_KEY_REFUSED,
            "into the entry key of the Sec",
        ),
        (
            Answer("u", 403, {"error": "x"}),
            TARGET,
            Reason.WEAVIATE_KEY_REFUSED,
            "spec.weaviate.external.apiKey",
        ),
    ],
)
def test_a_key_is_told_by_its_secret(
    answer: Answer, target: ExternalTarget, reason: Reason, words: str
) -> None:
    result = found(answer, target)
    assert (result.holds, result.reason) == (False, reason)
    assert words in result.message


@pytest.mark.parametrize(
    "answer",
    [
        Answer("u", 502, {"error": "dial tcp: lookup w.local: no such host"}),
        Answer("u", 504, {"error": "timeout"}),
        Answer("u", 404, {"error": "x"}),
        Answer("u", 200, {"hello": "world"}),
        Answer("u", 200, []),
    ],
)
def test_what_does_not_answer_as_weaviate_is_told_in_the_end(answer: Answer) -> None:
    result = found(answer)
    # It may be restarting with its new settings, so that it is False only after some checks.
    assert (result.holds, result.reason) == (None, Reason.WEAVIATE_UNREACHABLE)
    assert result.in_the_end == result.message
    assert "spec.weaviate.external.url" in result.message


def test_a_gate_that_cannot_be_reached_is_no_fault_of_weaviates() -> None:
    lost = Answer("http://g/weaviate/v1/meta", fault=Fault.UNREACHABLE, text="refused")
    result = found(lost, gate_meta=None, verify=replace(VECTORS, fault=Fault.UNREACHABLE, text="refused"))
    assert (result.holds, result.reason) == (None, Reason.VERIFYING)
    assert "if a NetworkPolicy selects the gate's pods" in result.in_the_end


def test_while_no_server_is_ready_nobody_is_blamed() -> None:
    entry = {"error": "no ImageBind server is ready"}
    result = found(shows(entry), gate_meta=entry, verify=Answer("v", 503, entry))
    assert (result.holds, result.reason) == (None, Reason.VERIFYING)


def test_servers_that_do_not_show_the_gate_are_compared_by_what_they_are() -> None:
    upstream = {"version": "x"}
    verify = replace(VECTORS, body={"textVectors": [[1.0] * 1024], "imageVectors": [[2.0] * 1024]})
    assert found(shows(upstream), gate_meta=upstream, verify=verify, model=None).holds is True
    ours = {"model": "Tiny", "fingerprint": "Tiny-own-1"}
    other = found(shows(ours), gate_meta=upstream, verify=verify, model=None)
    assert (other.holds, other.reason) == (False, Reason.MODULE_ELSEWHERE)


def test_without_inference_pods_the_module_is_enough() -> None:
    entry = {"error": "no ImageBind server is ready"}
    result = found(shows(SERVER), gate_meta=None, verify=None)
    assert (result.reason, result.blocks) == (Reason.NO_INFERENCE_PODS, False)
    assert found(WEAVIATE, gate_meta=None, verify=None).reason is Reason.MODULE_ABSENT
    assert found(shows(entry), gate_meta=None, verify=None).blocks is False
