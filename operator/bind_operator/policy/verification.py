"""The live check's answers become its result."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from http import HTTPStatus
from itertools import chain
from typing import Any

from bind_operator.api.spec import DIMENSIONS, ModelName
from bind_operator.policy.facts import VectorSketches, Verification
from bind_operator.policy.golden import GOLDEN, least_cosine
from bind_operator.policy.names import MODULE
from bind_operator.policy.sketch import cosine, sketch
from bind_operator.reasons import Reason

MAX_QUOTED = 200
MAX_NUMBER = 1e30
"""No vector has a number so large, and sums of such ones stay finite."""
VECTOR_KEYS = ("textVectors", "imageVectors")
"""The gate's request (charts/weaviate-bind/files/gate.caddyfile) holds a text and a picture."""


class Fault(Enum):
    """The fault says why a request brought nothing that can be judged."""

    UNREACHABLE = auto()
    """No connection came about: a NetworkPolicy may be in the way."""
    SLOW = auto()
    """It did not come in time, though there was a connection."""
    BROKEN = auto()
    UNUSABLE = auto()
    """There is an answer, but not one of the server that was meant."""


@dataclass(frozen=True)
class Answer:
    """It is what one request brought."""

    url: str
    status: int = 0
    body: Any = None
    """The parsed JSON; None if the body is empty."""
    fault: Fault | None = None
    text: str = ""
    """It says what the fault is."""


@dataclass(frozen=True)
class Answers:
    """They are the answers to one check."""

    weaviate: Answer
    """GET /v1/meta of Weaviate."""
    vectors: Answer | None
    """GET /verify of the gate; None if there is no inference pod to ask."""
    gate_meta: Answer | None = None
    """GET /meta of the gate, asked where Weaviate's own was refused for want of credentials."""


@dataclass(frozen=True)
class Expected:
    """It is what the answers are held to."""

    model: ModelName | None
    """This model must answer; None for upstream's image, whose metadata has another form."""
    remembered: VectorSketches | None = None
    """The vectors that an earlier check found, of whatever fingerprint."""
    operator: str = ""
    """It says who asks, for a message about a NetworkPolicy."""


def judge(answers: Answers, expected: Expected) -> Verification:
    """Return the result of a check. What is wrong goes before what is not known."""
    weaviate, meta = _judge_weaviate(answers, expected)
    fingerprint = _fingerprint(meta)
    if answers.vectors is None:
        inference: Verification | VectorSketches | None = None
    else:
        inference = _judge_model(meta, expected.model) or _judge_vectors(
            answers.vectors, fingerprint, expected
        )
    faults = [item for item in (weaviate, inference) if isinstance(item, Verification)]
    if faults:
        return replace(min(faults, key=_severity), fingerprint=fingerprint)
    if answers.vectors is None:
        message = "Weaviate has the module; there is no inference pod to ask"
        return Verification(None, Reason.NO_INFERENCE_PODS, message, blocks=False)
    vectors = inference if isinstance(inference, VectorSketches) else None
    what = f"the inference server embeds a text and a picture through the gate{_of(expected.model)}"
    if asks_credentials(answers.weaviate):
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


def _severity(found: Verification) -> int:
    if found.holds is False:
        return 0
    return 1 if found.blocks else 2


def _of(model: ModelName | None) -> str:
    return "" if model is None else f" with {model} ({DIMENSIONS[model]} dimensions)"


def asks_credentials(weaviate: Answer) -> bool:
    """Return whether Weaviate refuses its metadata to whoever is not known to it."""
    return weaviate.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)


def _judge_weaviate(
    answers: Answers, expected: Expected
) -> tuple[Verification | None, Mapping[str, Any] | None]:
    """Return what is wrong with Weaviate's answer, or None, and what the server says of itself, if known."""
    answer = answers.weaviate
    if asks_credentials(answer):
        told = answers.gate_meta.body if answers.gate_meta else None
        return None, told if isinstance(told, Mapping) else None
    if (fault := _fault(answer, "http", expected)) is not None:
        return fault, None
    modules = answer.body.get("modules") if isinstance(answer.body, Mapping) else None
    entry = modules.get(MODULE) if isinstance(modules, Mapping) else None
    if answer.status != HTTPStatus.OK:
        return _unanswered(f"{answer.url}: {_status(answer)}"), None
    if entry is None:
        return _failed(f"Weaviate's /v1/meta does not show the module {MODULE}"), None
    if not isinstance(entry, Mapping):
        return _failed(f"Weaviate's /v1/meta shows something strange for {MODULE}: {quote(entry)}"), None
    if "error" in entry and answers.vectors is not None:
        return _unanswered(f"Weaviate's module {MODULE} reports: {quote(entry['error'])}"), None
    return None, entry


def _judge_model(meta: Mapping[str, Any] | None, model: ModelName | None) -> Verification | None:
    """Return what is wrong with what the server says of itself, or None; of upstream's, nothing is known."""
    if model is None or meta is None:
        return None
    found = (meta.get("model"), meta.get("dimension"))
    if found == (str(model), DIMENSIONS[model]):
        return None
    name, dimension = map(quote, found)
    return _failed(f"the inference server answers with {name} of {dimension} dimensions, not {model}")


def _judge_vectors(
    answer: Answer, fingerprint: str | None, expected: Expected
) -> Verification | VectorSketches | None:
    """Return what is wrong with the vectors, else their sketches, None where they are of no fingerprint."""
    if answer.fault is Fault.SLOW or answer.status in (
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.GATEWAY_TIMEOUT,
    ):
        why = answer.text or _status(answer)
        message = f"the inference server is too busy to be checked: {why}"
        return Verification(None, Reason.INFERENCE_BUSY, message)
    if (fault := _fault(answer, "gate-health", expected)) is not None:
        return fault
    if answer.status == HTTPStatus.OK and answer.body is None:
        # So answers a gate of a chart before this check, whose release has not been upgraded yet.
        message = "the gate is of an older chart, which cannot be asked for vectors"
        return Verification(None, Reason.GATE_OUTDATED, message, blocks=False)
    if answer.status >= HTTPStatus.BAD_GATEWAY:
        return _unanswered(f"{answer.url}: {_status(answer)}")
    if answer.status != HTTPStatus.OK:
        return _failed(f"the inference server does not embed the check's text and picture: {_status(answer)}")
    vectors = _read_vectors(answer.body)
    dimension = DIMENSIONS[expected.model or ModelName.IMAGEBIND_HUGE]
    if (wrong := _wrong_with(vectors, dimension)) is not None:
        return _failed(f"the inference server's vectors are not vectors: {wrong}")
    if fingerprint is None:
        return None
    found = VectorSketches(fingerprint, sketch(vectors["textVectors"][0]), sketch(vectors["imageVectors"][0]))
    return _compare(found, expected.remembered) or found


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
        return _failed(f"{wrong}: it does not run the weights that it names, or computes wrongly")
    return _failed(
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


def _fault(answer: Answer, port: str, expected: Expected) -> Verification | None:
    """Return what a request without a usable answer means, or None."""
    match answer.fault:
        case None:
            return None
        case Fault.UNREACHABLE:
            who = expected.operator or "the operator"
            rule = f"it must allow ingress from {who} to port {port}"
            hint = f"if a NetworkPolicy selects Weaviate's pods, {rule}"
            what = f"{answer.url}: {answer.text}"
            # A server that has just started may not listen yet: no reason to suspect a policy.
            return replace(_unanswered(what), in_the_end=f"{what}; {hint}")
        case Fault.SLOW | Fault.BROKEN:
            return _unanswered(f"{answer.url}: {answer.text}")
        case Fault.UNUSABLE:
            return _failed(f"{answer.url}: {answer.text}")


def _status(answer: Answer) -> str:
    """Return the answer's status, and the reason where it gives one in our form."""
    reason = answer.body.get("error") if isinstance(answer.body, Mapping) else None
    told = f": {quote(reason)}" if reason else ""
    return f"status {answer.status}{told}"


def _failed(message: str) -> Verification:
    return Verification(False, Reason.VERIFICATION_FAILED, message)


def _unanswered(message: str) -> Verification:
    return Verification(None, Reason.VERIFYING, f"not verified yet: {message}")


def quote(value: object) -> str:
    """Return what a server said, of bounded length and without what a terminal would obey."""
    text = "".join(char if char.isprintable() else " " for char in str(value)[: 2 * MAX_QUOTED])
    words = " ".join(text.split())
    return words if len(words) <= MAX_QUOTED else f"{words[: MAX_QUOTED - 1]}…"
