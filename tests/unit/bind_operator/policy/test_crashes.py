"""What to do about a container that ended, from its last words as Weaviate and the kubelet give them."""

import json

import pytest

from bind_operator.policy.crashes import remedy_of_crash
from bind_operator.policy.diagnosis import diagnose

AT = "spec.weaviate.authentication.oidc"


def words(error: str) -> str:
    """Return the end of Weaviate's log, whose first line the kubelet has cut."""
    message = f"oidc client could not start up: oidc init: {error}"
    before = 'up","build_wv_version":"1.38.14","level":"info","msg":"validated OIDC configuration"}'
    return f"{before}\n{json.dumps({'action': 'oidc_init', 'level': 'fatal', 'msg': message})}\n"


REFUSED = (
    'could not setup provider: Get "https://login/.well-known/openid-configuration": dial tcp 127.0.0.1:9: '
    "connect: connection refused"
)
OTHER = (
    "could not setup provider: oidc: issuer URL provided to client did not match the issuer URL returned by "
    'provider: expected "https://a", got "https://b"'
)
UNKNOWN = (
    'could not setup provider: Get "https://login": tls: failed to verify certificate: x509: certificate '
    "signed by unknown authority"
)
EXPIRED = (
    'could not setup provider: Get "https://login": tls: failed to verify certificate: x509: certificate has '
    "expired"
)
NO_PEM = "could not setup OIDC HTTP client: failed to decode certificate"


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (REFUSED, f"check {AT}.issuer, and that the issuer answers Weaviate's pods"),
        (OTHER, f"write {AT}.issuer as it does"),
        (UNKNOWN, f"name its certificate in {AT}.certificate"),
        (EXPIRED, f"check its certificate, and {AT}.certificate"),
        (NO_PEM, f"put a certificate in PEM into the Secret of {AT}.certificate"),
    ],
    ids=["nobody answers", "another name", "unknown authority", "expired", "no PEM"],
)
def test_an_issuer_that_keeps_weaviate_from_starting_is_told_with_the_field(error: str, remedy: str) -> None:
    told = remedy_of_crash("weaviate", words(error))
    assert told.startswith("Weaviate does not start without its issuer")
    assert error.rpartition(": ")[2] in told
    assert remedy in told


def test_other_words_and_other_containers_are_left_as_they_are() -> None:
    assert remedy_of_crash("weaviate", '{"level":"fatal","msg":"no space left on device"}') == ""
    assert remedy_of_crash("inference", words(REFUSED)) == ""


def test_ready_says_it_first() -> None:
    status = {
        "name": "weaviate",
        "ready": False,
        "restartCount": 2,
        "state": {"waiting": {"reason": "CrashLoopBackOff"}},
        "lastState": {"terminated": {"exitCode": 1, "reason": "Error", "message": words(REFUSED)}},
    }
    pod = {"metadata": {"name": "t-weaviate-0", "uid": "1"}, "status": {"containerStatuses": [status]}}
    problem = diagnose([pod], [], [], [])
    assert problem is not None
    assert problem.message.startswith("Weaviate does not start without its issuer")
    assert "container weaviate of pod t-weaviate-0 ended with exit code 1" in problem.message
