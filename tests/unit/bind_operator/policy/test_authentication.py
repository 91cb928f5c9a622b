"""Who may ask Weaviate: what the spec says, else what holds already, else who has a key."""

from typing import Any

import pytest

from bind_operator.api import parse_resource
from bind_operator.policy.authentication import (
    Access,
    access_of,
    authentication_status,
    inference_keys_of,
    made_before,
    was_open,
)
from support.resources import merged, tiny_resource

ANONYMOUS = "AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED"


def access(weaviate: dict[str, Any], *, is_open: bool = False, made: str = "") -> Access:
    resource = parse_resource(merged(tiny_resource("t"), {"spec": {"weaviate": weaviate}}))
    return access_of("t", resource.spec.weaviate, was_open=is_open, made=made)


def template(**env: str) -> dict[str, Any]:
    variables = [{"name": name, "value": value} for name, value in env.items()]
    pod = {"containers": [{"name": "weaviate", "env": variables}]}
    return {"spec": {"template": {"spec": pod}}}


def test_a_new_resource_is_closed_and_has_keys() -> None:
    found = access({}, made="a1")
    assert (found.anonymous, found.left_open) == (False, False)
    assert (found.secret, found.is_made, found.revision) == ("t-weaviate-keys", True, "a1")
    assert [(one.entry, one.user) for one in found.entries] == [
        ("admin", "admin"),
        ("read-only", "read-only"),
        ("operator", "bind-operator"),
    ]
    assert (found.admin_users, found.read_only_users) == (["admin", "bind-operator"], ["read-only"])


def test_what_was_open_stays_open_until_the_spec_says_so() -> None:
    kept = access({}, is_open=True)
    assert (kept.anonymous, kept.left_open, kept.secret) == (True, True, "")
    closed = access({"authentication": {}}, is_open=True)
    assert (closed.anonymous, closed.left_open, closed.is_made) == (False, False, True)
    meant = access({"authentication": {"anonymousAccess": True}}, is_open=True)
    assert (meant.anonymous, meant.left_open, meant.secret, meant.is_guarded) == (True, False, "", False)


def test_variables_of_the_user_decide_as_before() -> None:
    keyed = {"env": {"AUTHENTICATION_APIKEY_ENABLED": "true", ANONYMOUS: "false"}}
    assert access(keyed) == access(keyed, is_open=True) == Access(anonymous=False)
    meant = access({"env": {ANONYMOUS: "True"}})
    assert (meant.anonymous, meant.left_open, meant.secret) == (True, False, "")
    half = {"env": {"AUTHENTICATION_APIKEY_ENABLED": "true"}}
    assert [access(half, is_open=is_open).anonymous for is_open in (False, True)] == [False, True]


def test_a_secret_of_the_user_is_not_made_and_restarts_by_its_revision() -> None:
    keys = {"secretName": "mine", "entries": [{"entry": "a.key", "user": "admin"}], "revision": "2"}
    found = access({"authentication": {"apiKeys": keys}}, made="a1")
    assert (found.secret, found.is_made, found.revision) == ("mine", False, "2")
    own = access({"authentication": {"apiKeys": {"revision": "2"}}}, made="a1")
    assert (own.secret, own.is_made, own.revision) == ("t-weaviate-keys", True, "a1-2")


def test_tokens_alone_need_no_secret() -> None:
    oidc = {"issuer": "https://login.local", "clientId": "w"}
    beside = access({"authentication": {"oidc": oidc}})
    assert (beside.is_made, beside.is_guarded) == (True, True)
    alone = access({"authentication": {"oidc": oidc, "apiKeys": {"enabled": False}}})
    assert (alone.secret, alone.is_guarded, alone.probe_entry) == ("", True, "")


def test_the_live_check_shows_a_key_that_may_only_read_if_there_is_one() -> None:
    assert access({}).probe_entry == "read-only"
    entries = [{"entry": "one", "user": "admin"}]
    assert access({"authentication": {"apiKeys": {"entries": entries}}}).probe_entry == "one"


OPEN, CLOSED = template(**{ANONYMOUS: "true"}), template(**{ANONYMOUS: "false"})
RELEASE = {"release": {"name": "t"}}


@pytest.mark.parametrize(
    ("status", "stateful_set", "expected"),
    [
        ({}, None, False),
        ({}, OPEN, True),
        ({}, CLOSED, False),
        ({}, template(), False),
        (RELEASE, None, True),
        (RELEASE, CLOSED, False),
        (RELEASE | {"authentication": {"anonymousAccess": False}}, OPEN, False),
        ({"authentication": {"anonymousAccess": True}}, None, True),
        ({"authentication": "nonsense"}, CLOSED, False),
    ],
    ids=[
        "new", "open without a word", "closed without a word", "not told", "of an operator before",
        "by variables",        "the status goes first", "a StatefulSet that is gone", "not read",
    ],
)  # fmt: skip
def test_whether_it_answers_without_keys_at_present(
    status: dict[str, Any], stateful_set: Any, expected: bool
) -> None:
    assert was_open(status, stateful_set) is expected


def test_the_status_tells_how_to_get_the_key_and_what_to_do_about_an_open_one() -> None:
    closed = authentication_status("demo", access({}), "a1")
    assert closed is not None
    command = "kubectl get secret -n demo t-weaviate-keys -o jsonpath='{.data.admin}' | base64 -d"
    assert (closed.anonymous_access, closed.key_command, closed.note) == (False, command, None)
    assert made_before({"authentication": closed.model_dump(by_alias=True)}) == "a1"
    kept = authentication_status("demo", access({}, is_open=True), "")
    assert kept is not None
    assert "spec.weaviate.authentication: {}" in str(kept.note)
    assert (kept.key_command, kept.secret) == (None, None)
    assert authentication_status("demo", None, "") is None


def test_a_dot_in_an_entry_is_escaped_in_the_command() -> None:
    entries = [{"entry": "a.key", "user": "admin"}]
    found = authentication_status("demo", access({"authentication": {"apiKeys": {"entries": entries}}}), "")
    assert found is not None
    assert r"{.data.a\.key}" in str(found.key_command)


def test_keys_between_gate_and_server_are_made_where_they_are_asked_for() -> None:
    def keys(inference: dict[str, Any]) -> Any:
        resource = parse_resource(merged(tiny_resource("t"), {"spec": {"inference": inference}}))
        return inference_keys_of("t", resource.spec.inference)

    assert keys({}).secret == ""
    made = keys({"apiKeys": {}})
    assert (made.secret, made.is_made, made.entries) == ("t-inference-keys", True, ("server", "gate"))
    named = keys({"apiKeys": {"secretName": "mine"}})
    assert (named.secret, named.is_made) == ("mine", False)
