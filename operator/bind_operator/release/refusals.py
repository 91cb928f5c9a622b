"""The words of Helm and of the API server tell whose fault a refusal is.

Only what the same spec will meet each time again is the spec's fault; all that is not known may pass.
"""

import re

_FAULTS = (
    " is invalid:",
    "failed to create typed patch object",
    "error validating data",
    "execution error at (",
    "error calling ",
)
"""The API server looks at each object alone and the chart at its values alone, so they say the same again."""

_PASSING = (
    # Of somebody's webhook or policy, which may be changed; a policy's refusal says "is invalid", too.
    "admission webhook",
    "ValidatingAdmissionPolicy",
    "denied request",
    "failed calling webhook",
    # Of an object that is there: it may be replaced.
    "is immutable",
    "immutable field",
    "updates to statefulset spec",
    "is immutable after creation",
    "exceeded quota",
    "because it is being terminated",
    # Of the network, the API server and the disk.
    "connection refused",
    "connection reset",
    "cluster unreachable",
    "i/o timeout",
    "context deadline exceeded",
    "etcdserver",
    "no space left on device",
    "Too Many Requests",
    "Internal error occurred",
    "Service Unavailable",
    "the server is currently unable to handle the request",
)


_NO_MATCH = re.compile(r'no matches for kind "(\w+)" in version "([\w./-]+)"')
_REMEDIES = {
    "gateway.networking.k8s.io": "install the definitions of the Gateway API "
    "(https://gateway-api.sigs.k8s.io), or use spec.weaviate.expose.ingress in place of gateway",
}


def unserved_kinds(message: str) -> str:
    """Return which kinds of objects the cluster does not know, and what to do; "" for another error."""
    found = sorted(set(_NO_MATCH.findall(message)))
    if not found:
        return ""
    kinds = ", ".join(f"{kind} ({version})" for kind, version in found)
    group = found[0][1].partition("/")[0]
    remedy = _REMEDIES.get(group, "install what defines it, or remove what asks for it from the spec")
    return f"the cluster does not know {kinds}: {remedy}"


_OF_THE_LAST_REVISION = ("current release manifest", "kubernetes objects for delete")
"""Helm says so of what it made, and not of what it is to make."""


def lost_kinds(message: str) -> tuple[tuple[str, str], ...]:
    """Return the kinds, each with its version, that the last revision has and the cluster no longer knows."""
    is_of_the_past = any(words in message for words in _OF_THE_LAST_REVISION)
    return tuple(sorted(set(_NO_MATCH.findall(message)))) if is_of_the_past else ()


def is_fault_of_the_spec(message: str) -> bool:
    """Return whether only a change of the spec can help after an error with `message`."""
    return any(words in message for words in _FAULTS) and not any(words in message for words in _PASSING)
