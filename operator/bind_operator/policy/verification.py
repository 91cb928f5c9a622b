"""The live check's answers become its result."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from itertools import chain
from typing import Any

from bind_operator.api.model import DIMENSIONS, ModelName
from bind_operator.policy.answers import (
    MAX_QUOTED,
    Answer,
    Fault,
    asks_credentials,
    failed,
    fault_of,
    quote,
    told_status,
    unanswered,
)
from bind_operator.policy.external import ExternalTarget, judge_external
from bind_operator.policy.facts import Problem, VectorSketches, Verification
from bind_operator.policy.golden import GOLDEN, least_cosine
from bind_operator.policy.names import GATE_HEALTH, MODULE
from bind_operator.policy.sketch import cosine, sketch
from bind_operator.reasons import Reason

MAX_NUMBER = 1e30
"""No vector has a number so large, and sums of such ones stay finite."""
VECTOR_KEYS = ("textVectors", "imageVectors")
"""The gate's request (charts/weaviate-bind/files/gate.caddyfile) holds a text and a picture."""


@dataclass(frozen=True)
class Answers:
    """They are the answers to one check."""

    weaviate: Answer
    """GET /v1/meta of Weaviate; of an external one by the gate."""
    vectors: Answer | None
    """GET /verify of the gate; None if there is no inference pod to ask."""
    gate_meta: Answer | None = None
    """GET /meta of the gate, asked where Weaviate is external, or refused its own for want of credentials."""
    by_key: Answer | None = None
    """GET /v1/meta of Weaviate by its gate, which has a key; asked where Weaviate refused its own."""


@dataclass(frozen=True)
class Expected:
    """It is what the answers are held to."""

    model: ModelName | None
    """This model must answer; None for upstream's image, whose metadata has another form, and elsewhere."""
    remembered: VectorSketches | None = None
    """The vectors that an earlier check found, of whatever fingerprint."""
    operator: str = ""
    """It says who asks, for a message about a NetworkPolicy."""
    weaviate: ExternalTarget | None = None
    """The Weaviate that somebody else runs."""
    inference_url: str = ""
    """The inference server that somebody else runs."""
    key: str = ""
    """It names the Secret and its entry with the key that the gate shows Weaviate; empty: it has none."""


def judge(answers: Answers, expected: Expected) -> Verification:
    """Return the result of a check. What is wrong goes before what is not known."""
    weaviate, meta = _judge_weaviate(answers, expected)
    fingerprint = _fingerprint(meta)
    inference = _judge_inference(answers.vectors, meta, expected)
    # A server elsewhere is the cause where Weaviate only passes on that nobody answers.
    both = (inference, weaviate) if expected.inference_url else (weaviate, inference)
    faults = [item for item in both if isinstance(item, Verification)]
    if faults:
        return replace(
            min(faults, key=_severity),
            fingerprint=fingerprint,
            weaviate_fault=_problem(weaviate),
            inference_fault=_problem(inference),
        )
    if answers.vectors is None:
        message = "Weaviate has the module; there is no inference pod to ask"
        return Verification(None, Reason.NO_INFERENCE_PODS, message, blocks=False)
    vectors = inference if isinstance(inference, VectorSketches) else None
    what = f"the inference server embeds a text and a picture through the gate{_of(expected.model)}"
    if expected.weaviate is None and asks_credentials(answers.weaviate) and answers.by_key is None:
        message = f"Weaviate asks for credentials, so its metadata cannot be checked; {what}"
        return Verification(
            None,
            Reason.AUTHENTICATION_REQUIRED,
            message,
            blocks=False,
            fingerprint=fingerprint,
            vectors=vectors,
        )
    message = f"Weaviate shows {MODULE}, and {what}"
    return Verification(True, Reason.VERIFIED, message, fingerprint=fingerprint, vectors=vectors)


def _problem(found: object) -> Problem | None:
    return Problem(found.reason, found.message) if isinstance(found, Verification) else None


def _severity(found: Verification) -> int:
    if found.holds is False:
        return 0
    return 1 if found.blocks else 2


def _of(model: ModelName | None) -> str:
    return "" if model is None else f" with {model} ({DIMENSIONS[model]} dimensions)"


def _judge_weaviate(
    answers: Answers, expected: Expected
) -> tuple[Verification | None, Mapping[str, Any] | None]:
    """Return what is wrong with Weaviate's answer, or None, and what the server says of itself, if known."""
    answer = answers.weaviate
    told = answers.gate_meta.body if answers.gate_meta else None
    gate_meta = told if isinstance(told, Mapping) else None
    if expected.weaviate is not None:
        return judge_external(answer, gate_meta, expected.weaviate, expected.operator)
    if asks_credentials(answer):
        if answers.by_key is None:
            return None, gate_meta
        answer = answers.by_key
        if (refused := _judge_key(answer, expected)) is not None:
            return refused, gate_meta
    if (fault := fault_of(answer, "http", expected.operator)) is not None:
        return fault, None
    modules = answer.body.get("modules") if isinstance(answer.body, Mapping) else None
    entry = modules.get(MODULE) if isinstance(modules, Mapping) else None
    if answer.status != HTTPStatus.OK:
        return unanswered(f"{answer.url}: {told_status(answer)}"), None
    if entry is None:
        return failed(f"Weaviate's /v1/meta does not show the module {MODULE}"), None
    if not isinstance(entry, Mapping):
        return failed(f"Weaviate's /v1/meta shows something strange for {MODULE}: {quote(entry)}"), None
    if "error" in entry and answers.vectors is not None:
        return unanswered(f"Weaviate's module {MODULE} reports: {quote(entry['error'])}"), None
    return None, entry


def _judge_key(answer: Answer, expected: Expected) -> Verification | None:
    """Return what is wrong with the gate's key for the Weaviate beside it, or None."""
    if (fault := fault_of(answer, GATE_HEALTH, expected.operator)) is not None:
        return fault
    if answer.status == HTTPStatus.OK and answer.body is None:
        message = "the gate is of an older chart, which has no key for Weaviate"
        return Verification(None, Reason.GATE_OUTDATED, message, blocks=False)
    if answer.status == HTTPStatus.FAILED_DEPENDENCY:
        message = f"the key for the live check is not there: {expected.key}; create it"
        return Verification(False, Reason.WEAVIATE_KEY_MISSING, message)
    if asks_credentials(answer):
        message = (
            f"Weaviate does not take the key in {expected.key}: the Secret was changed after its pods had "
            "started; change spec.weaviate.authentication.apiKeys.revision, and they start anew one by one"
        )
        return Verification(False, Reason.WEAVIATE_KEY_REFUSED, message)
    return None


def _judge_model(meta: Mapping[str, Any] | None, model: ModelName | None) -> Verification | None:
    """Return what is wrong with what the server says of itself, or None; of upstream's, nothing is known."""
    if model is None or meta is None:
        return None
    found = (meta.get("model"), meta.get("dimension"))
    if found == (str(model), DIMENSIONS[model]):
        return None
    name, dimension = map(quote, found)
    return failed(f"the inference server answers with {name} of {dimension} dimensions, not {model}")


def _judge_inference(
    vectors: Answer | None, meta: Mapping[str, Any] | None, expected: Expected
) -> Verification | VectorSketches | None:
    """Return what is wrong with the server, else its vectors' sketches, None where there are none."""
    if vectors is None:
        return None
    found = _judge_model(meta, expected.model) or _judge_vectors(vectors, meta, expected)
    if not expected.inference_url or not isinstance(found, Verification):
        return found
    return _elsewhere(found, vectors, expected.inference_url)


def _elsewhere(found: Verification, answer: Answer, url: str) -> Verification:
    """Return what is wrong with a server that somebody else runs, with what its user can do about it."""
    told = f"the inference server at {url} does not embed the check's text and picture: {told_status(answer)}"
    if answer.fault is not None:
        return found
    if answer.status in (HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE):
        message = f"{told}; check spec.inference.external.url, and that its network lets Weaviate's pods in"
        return Verification(None, Reason.INFERENCE_UNREACHABLE, message, in_the_end=message)
    if answer.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        message = f"{told}; name a Secret with a key that it takes in spec.inference.external.apiKey"
        return Verification(False, Reason.INFERENCE_KEY_REFUSED, message)
    return found


def _judge_vectors(
    answer: Answer, meta: Mapping[str, Any] | None, expected: Expected
) -> Verification | VectorSketches | None:
    """Return what is wrong with the vectors, else their sketches, None where they are of no fingerprint."""
    fingerprint = _fingerprint(meta)
    if answer.fault is Fault.SLOW or answer.status in (
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.GATEWAY_TIMEOUT,
    ):
        why = answer.text or told_status(answer)
        message = f"the inference server is too busy to be checked: {why}"
        return Verification(None, Reason.INFERENCE_BUSY, message)
    whose = "Weaviate's" if expected.weaviate is None else "the gate's"
    if (fault := fault_of(answer, GATE_HEALTH, expected.operator, whose)) is not None:
        return fault
    if answer.status == HTTPStatus.OK and answer.body is None:
        # So answers a gate of a chart before this check, whose release has not been upgraded yet.
        message = "the gate is of an older chart, which cannot be asked for vectors"
        return Verification(None, Reason.GATE_OUTDATED, message, blocks=False)
    if answer.status >= HTTPStatus.BAD_GATEWAY:
        return unanswered(f"{answer.url}: {told_status(answer)}")
    if answer.status != HTTPStatus.OK:
        told = told_status(answer)
        return failed(f"the inference server does not embed the check's text and picture: {told}")
    vectors = _read_vectors(answer.body)
    if (wrong := _wrong_with(vectors, _dimension(meta, expected))) is not None:
        return failed(f"the inference server's vectors are not vectors: {wrong}")
    if fingerprint is None:
        return None
    found = VectorSketches(fingerprint, sketch(vectors["textVectors"][0]), sketch(vectors["imageVectors"][0]))
    return _compare(found, expected.remembered) or found


def _dimension(meta: Mapping[str, Any] | None, expected: Expected) -> int:
    """Return how many numbers a vector has to have: of a server elsewhere, what it says itself."""
    told = (meta or {}).get("dimension")
    if expected.model is None and expected.inference_url and isinstance(told, int) and told > 0:
        return told
    return DIMENSIONS[expected.model or ModelName.IMAGEBIND_HUGE]


def _compare(found: VectorSketches, remembered: VectorSketches | None) -> Verification | None:
    """Return how the vectors differ from those that their fingerprint is known for, or None."""
    golden = GOLDEN.get(found.fingerprint)
    known = golden
    if remembered is not None and remembered.fingerprint == found.fingerprint:
        known = golden or remembered
    if known is None:
        return None
    least = least_cosine(found.fingerprint)
    cosines = {"text": cosine(found.text, known.text), "picture": cosine(found.image, known.image)}
    far = ", ".join(f"{what} {value:.3f}" for what, value in cosines.items() if value < least)
    if not far:
        return None
    wrong = (
        f"the inference server's vectors are not those of its fingerprint {quote(found.fingerprint)} "
        f"(cosine of {far}; at least {least:g} is expected)"
    )
    if golden:
        return failed(f"{wrong}: it does not run the weights that it names, or computes wrongly")
    return failed(
        f"{wrong}, as the first check of this resource found them: it runs other weights under the same "
        "name. If they are the right ones, remove status.verifiedVectors, and the next check remembers theirs"
    )


def _read_vectors(body: Any) -> dict[str, Sequence[Any]]:
    """Return the lists of vectors, [] for one that is not there."""
    found = {key: body.get(key) if isinstance(body, Mapping) else None for key in VECTOR_KEYS}
    return {key: value if isinstance(value, list) else [] for key, value in found.items()}


def _wrong_with(vectors: Mapping[str, Sequence[Any]], dimension: int) -> str | None:
    """Return why these are not the vectors of the gate's request, or None."""
    for key in VECTOR_KEYS:
        if len(vectors[key]) != 1:
            return f"{len(vectors[key])} {key} where one was asked for"
    for vector in chain.from_iterable(vectors.values()):
        if not isinstance(vector, list) or len(vector) != dimension:
            length = len(vector) if isinstance(vector, list) else "no"
            return f"one has {length} numbers, not {dimension}"
        if not all(_is_number(value) for value in vector):
            return "one holds something that is no finite number"
        if not any(vector):
            return "one is zero"
    return None


def _is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return abs(float(value)) < MAX_NUMBER
    except OverflowError:
        return False


def _fingerprint(meta: Mapping[str, Any] | None) -> str | None:
    found = (meta or {}).get("fingerprint")
    return found[:MAX_QUOTED] if isinstance(found, str) and found else None
