"""The last words of a container say what to do, where it is a setting of the resource that ended it."""

import json
import re

from bind_operator.policy.facts import Component

_OIDC = re.compile(r'"(oidc client could not start up: (?:[^"\\]|\\.)*)"')
"""So Weaviate's log, each line of which is JSON, says that it ends for want of its issuer."""
_AT = "spec.weaviate.authentication.oidc"
_REMEDIES = (
    ("did not match", f"the issuer calls itself otherwise: write {_AT}.issuer as it does"),
    ("signed by unknown authority", f"name its certificate in {_AT}.certificate"),
    ("certificate:", f"check its certificate, and {_AT}.certificate"),
    ("certificate", f"put a certificate in PEM into the Secret of {_AT}.certificate"),
    ("", f"check {_AT}.issuer, and that the issuer answers Weaviate's pods"),
)
"""The first whose words are in the error holds."""


def remedy_of_crash(container: str, words: str) -> str:
    """Return what to do about a container that ended with these words, and why; "" where nothing is known."""
    found = _OIDC.search(words) if container == Component.WEAVIATE else None
    if found is None:
        return ""
    error = json.loads(f'"{found[1]}"').removeprefix("oidc client could not start up: ")
    remedy = next(remedy for part, remedy in _REMEDIES if part in error)
    return f"Weaviate does not start without its issuer ({error}); {remedy}: "
