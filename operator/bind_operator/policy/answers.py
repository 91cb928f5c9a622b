"""The live check's requests bring these answers, or these faults."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum, auto
from http import HTTPStatus
from typing import Any

from bind_operator.policy.facts import Verification
from bind_operator.reasons import Reason

MAX_QUOTED = 200


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


def asks_credentials(weaviate: Answer) -> bool:
    """Return whether Weaviate refuses its metadata to whoever is not known to it."""
    return weaviate.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)


def fault_of(answer: Answer, port: str, operator: str, whose: str = "Weaviate's") -> Verification | None:
    """Return what a request without a usable answer means, or None.

    operator: it says who asks. whose: it says whose pods were asked.
    """
    match answer.fault:
        case None:
            return None
        case Fault.UNREACHABLE:
            who = operator or "the operator"
            rule = f"it must allow ingress from {who} to port {port}"
            hint = f"if a NetworkPolicy selects {whose} pods, {rule}"
            what = f"{answer.url}: {answer.text}"
            # A server that has just started may not listen yet: no reason to suspect a policy.
            return replace(unanswered(what), in_the_end=f"{what}; {hint}")
        case Fault.SLOW | Fault.BROKEN:
            return unanswered(f"{answer.url}: {answer.text}")
        case Fault.UNUSABLE:
            return failed(f"{answer.url}: {answer.text}")


def told_status(answer: Answer) -> str:
    """Return the answer's status, and the reason where it gives one in our form."""
    reason = answer.body.get("error") if isinstance(answer.body, Mapping) else None
    told = f": {quote(reason)}" if reason else ""
    return f"status {answer.status}{told}"


def failed(message: str) -> Verification:
    """Return that something is wrong."""
    return Verification(False, Reason.VERIFICATION_FAILED, message)


def unanswered(message: str) -> Verification:
    """Return that nothing is known yet."""
    return Verification(None, Reason.VERIFYING, f"not verified yet: {message}")


def quote(value: object) -> str:
    """Return what a server said, of bounded length and without what a terminal would obey."""
    text = "".join(char if char.isprintable() else " " for char in str(value)[: 2 * MAX_QUOTED])
    words = " ".join(text.split())
    return words if len(words) <= MAX_QUOTED else f"{words[: MAX_QUOTED - 1]}…"
