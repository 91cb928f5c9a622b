"""When the Secrets with keys are seen to, and what is told of it."""

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from bind_operator.api import parse_resource
from bind_operator.cluster.kube import Observed
from bind_operator.errors import ApiRefused, ApiUnavailable
from bind_operator.policy.authentication import access_of
from bind_operator.policy.facts import Key, Problem
from bind_operator.policy.memory import NOTHING_KNOWN
from bind_operator.policy.state import ReleaseState
from bind_operator.reasons import Reason
from bind_operator.reconcile.keys import AGAIN_S, Keys, refused
from bind_operator.reconcile.look import Look
from bind_operator.release.values import RenderedValues
from support.resources import merged, tiny_resource

KEY = Key("demo", "t")
NOTHING = Observed((), None, None, None, (), ())
OPENED = {"weaviate": {"authentication": {"anonymousAccess": True}}}


@dataclass
class FakeSecrets:
    """It makes what is not there, and notes what it was asked for."""

    there: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    forbids: bool = False
    loses_answer: bool = False

    async def ensure(self, key: Key, name: str, entries: Any) -> str | None:
        self.asked.append(name)
        if self.forbids:
            raise ApiRefused("secrets is forbidden")
        if self.loses_answer:
            self.loses_answer = False
            raise ApiUnavailable("no answer")
        if name in self.there:
            return None
        self.there[name] = dict(entries)
        return f"mark-{len(self.asked)}"

    async def renew(self, key: Key, name: str, entries: Any, mark: str, told: str) -> str | None:
        return await self.ensure(key, name, entries)


@dataclass
class FakeKube:
    """Notes events."""

    told: list[tuple[Reason, str, bool]] = field(default_factory=list)

    async def record_event(self, resource: Any, reason: Reason, message: str, *, warning: bool) -> None:
        self.told.append((reason, message, warning))


class FakeOwn:
    """The operator's key of each resource."""

    async def key_for(self, key: Key) -> str:
        return f"own-{key.name}"


def make() -> tuple[Keys, FakeSecrets, FakeKube]:
    secrets, kube = FakeSecrets(), FakeKube()
    return Keys(kube, secrets, FakeOwn()), secrets, kube  # type: ignore[arg-type]


def look(spec: dict[str, Any] | None = None, *, is_open: bool = False) -> Look:
    manifest = merged(tiny_resource("t", "demo"), {"spec": spec or {}})
    resource = parse_resource(manifest)
    access = access_of("t", resource.spec.weaviate, was_open=is_open)
    values = RenderedValues("", "d")
    return Look(
        KEY, manifest, resource, values, NOTHING, ReleaseState.ABSENT, NOTHING_KNOWN, access=access
    )  # fmt: skip


async def test_a_closed_resource_gets_its_keys_at_the_first_look() -> None:
    keys, secrets, kube = make()
    assert await keys.provide(look(), 0.0)
    (made,) = secrets.there.values()
    assert set(made) == {"admin", "read-only", "operator"}
    assert made["operator"] == "own-t"
    assert made["admin"] != made["read-only"]
    assert keys.made(KEY, {}) == "mark-1"
    ((reason, message, warning),) = kube.told
    assert (reason, warning) == (Reason.KEYS_MADE, False)
    assert not [key for key in made.values() if key in message]


async def test_keys_of_the_inference_server_are_made_where_they_are_asked_for() -> None:
    keys, secrets, _ = make()
    assert not await keys.provide(look(merged(OPENED, {"inference": {"apiKeys": {}}})), 0.0)
    assert list(secrets.there) == ["t-inference-keys"]
    made = secrets.there["t-inference-keys"]
    assert made["server"] == made["gate"]


@pytest.mark.parametrize(
    "spec",
    [
        {"weaviate": {"authentication": {"apiKeys": {"secretName": "mine"}}}},
        merged(OPENED, {"inference": {"apiKeys": {"secretName": "mine"}}}),
    ],
    ids=["Weaviate's", "the server's"],
)  # fmt: skip
async def test_a_secret_of_the_user_is_never_made(spec: dict[str, Any]) -> None:
    keys, secrets, _ = make()
    assert not await keys.provide(look(spec), 0.0)
    assert secrets.asked == []


async def test_values_for_somebody_else_name_a_secret_that_is_there() -> None:
    keys, secrets, _ = make()
    foreign = replace(look({"delivery": "Render"}), state=ReleaseState.FOREIGN)
    assert await keys.provide(foreign, 0.0)
    assert list(secrets.there) == ["t-weaviate-keys"]


async def test_what_is_left_open_needs_none() -> None:
    keys, secrets, _ = make()
    assert not await keys.provide(look(is_open=True), 0.0)
    assert secrets.asked == []


LACKING = Problem(Reason.CONTAINER_CONFIG_INVALID, "why", lacks_secret=True)


KEYED = {"valueFrom": {"secretKeyRef": {"name": "t-weaviate-keys", "key": "admin"}}}
RUNNING = replace(
    NOTHING, stateful_set={"spec": {"template": {"spec": {"containers": [{"env": [{"name": "A"}, KEYED]}]}}}}
)


async def test_what_runs_with_its_keys_is_asked_for_only_where_one_is_missed() -> None:
    keys, secrets, _ = make()
    found = replace(look(), observed=RUNNING)
    await keys.provide(found, 0.0)
    assert secrets.asked == []
    missed = replace(found, observed=replace(RUNNING, problem=LACKING))
    for now in (0.0, AGAIN_S - 1):
        await keys.provide(missed, now)
        assert len(secrets.asked) == 1
    for times, reason in enumerate(("WeaviateKeyMissing", "WeaviateKeyRefused"), start=1):
        unseen = {"conditions": [{"type": "Verified", "reason": reason}]}
        await keys.provide(replace(found, raw={**found.raw, "status": unseen}), times * AGAIN_S)
        assert len(secrets.asked) == 1 + times


async def test_a_person_may_ask_at_any_time_once() -> None:
    keys, secrets, _ = make()
    found = replace(look(), observed=RUNNING)
    asking = {"metadata": found.raw["metadata"] | {"annotations": {"bindvectorizer.dev/reconcile": "now"}}}
    for _ in range(2):
        await keys.provide(replace(found, raw={**found.raw, **asking}), 0.0)
        assert len(secrets.asked) == 1


async def test_what_a_person_asked_for_is_tried_again_where_nothing_answered() -> None:
    keys, secrets, _ = make()
    found = replace(look(), observed=RUNNING)
    asking = {"metadata": found.raw["metadata"] | {"annotations": {"bindvectorizer.dev/reconcile": "now"}}}
    asked = replace(found, raw={**found.raw, **asking})
    secrets.loses_answer = True
    with pytest.raises(ApiUnavailable):
        await keys.provide(asked, 0.0)
    await keys.provide(asked, 0.0)
    assert len(secrets.asked) == 2


async def test_keys_of_the_server_are_known_by_its_volume() -> None:
    keys, secrets, _ = make()
    found = look(merged(OPENED, {"inference": {"apiKeys": {}}}))
    volume = {"name": "api-keys", "secret": {"secretName": "t-inference-keys"}}
    made = {"spec": {"template": {"spec": {"volumes": [{"name": "tmp"}, volume]}}}}
    for workload in ("deployment", "stateful_set"):
        await keys.provide(replace(found, observed=replace(NOTHING, **{workload: made})), 0.0)
        assert secrets.asked == []


@pytest.mark.parametrize(
    "change",
    [
        {"state": ReleaseState.FOREIGN},
        {"stands_back": True},
        {"values": None},
        {"raw": {"metadata": {"deletionTimestamp": "now"}}},
        {"raw": {"metadata": {}, "spec": {"suspend": True}}},
    ],
    ids=["foreign", "left to somebody", "invalid", "deleted", "suspended"],
)
async def test_nothing_is_made_where_the_operator_keeps_its_hands_off(change: dict[str, Any]) -> None:
    keys, secrets, _ = make()
    assert not await keys.provide(replace(look(), **change), 0.0)
    assert secrets.asked == []


async def test_keys_that_are_new_under_a_release_are_a_warning() -> None:
    keys, _, kube = make()
    found = look()
    raw = {**found.raw, "status": {"release": {"name": "t"}, "authentication": {"madeSecret": "old"}}}
    assert keys.made(KEY, raw) == "old"
    observed = replace(RUNNING, problem=LACKING)
    assert await keys.provide(replace(found, raw=raw, observed=observed), 0.0)
    assert keys.made(KEY, raw) == "mark-1"
    ((_, message, warning),) = kube.told
    assert warning
    assert "was gone; it is made anew" in message


async def test_a_right_that_is_missing_stops_a_new_release_and_no_old_one() -> None:
    keys, secrets, _ = make()
    secrets.forbids = True
    with pytest.raises(ApiRefused) as caught:
        await keys.provide(look(), 0.0)
    told = refused(caught.value)
    assert (told.reason, told.is_final) == (Reason.API_REFUSED, True)
    assert "spec.weaviate.authentication.apiKeys.secretName" in told.message
    keys.forget(KEY)
    assert not await keys.provide(replace(look(), observed=replace(RUNNING, problem=LACKING)), 0.0)
