"""What a look comes to where somebody else installs the release."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from bind_operator.api import parse_resource
from bind_operator.api.status import ConditionType, RenderedStatus
from bind_operator.cluster.kube import Observed
from bind_operator.cluster.rendered_values import What
from bind_operator.errors import ForeignOwner
from bind_operator.policy.conditions import Facts, judge_all
from bind_operator.policy.facts import Component, Key, Revision
from bind_operator.policy.memory import NOTHING_KNOWN
from bind_operator.policy.state import ReleaseState
from bind_operator.reasons import Reason
from bind_operator.reconcile.look import Look
from bind_operator.reconcile.observer import Observer
from bind_operator.reconcile.rendering import Rendering
from bind_operator.release.values import RenderedValues
from support.resources import merged, tiny_resource

KEY = Key("space", "shop")
MANIFEST = merged(tiny_resource("shop", "space"), {"spec": {"delivery": "Render"}})
OURS = Revision(4, "deployed", True, "d", "weaviate-bind-0.1.0", 0.0)
VALUES = RenderedValues("a: 1\n", "digest-1")
WRITTEN = RenderedStatus(config_map="shop-values", chart="weaviate-bind-0.1.0", digest="digest-1")


class Fakes:
    """They stand for the cluster, and keep what was done to it."""

    def __init__(self, *, is_new: bool = True, foreign: bool = False, manifests: str = "") -> None:
        self.done: list[Any] = []
        self.manifests, self.has_current = manifests, False
        self.is_new, self.foreign = is_new, foreign
        helm = SimpleNamespace(driver=SimpleNamespace(command="helm"))
        self.uninstaller = SimpleNamespace(helm=helm)

    async def apply(
        self, key: Key, raw: Any, text: str, digest: str, chart: str, what: What = What.VALUES
    ) -> bool:
        if self.foreign:
            raise ForeignOwner("ConfigMap shop-values was not made by this operator")
        self.done.append(("apply", text, digest, chart, *([what] if what is not What.VALUES else [])))
        return self.is_new

    async def is_current(self, key: Key, raw: Any, digest: str, what: What) -> bool:
        return self.has_current

    async def template(self, key: Key, values: RenderedValues) -> str:
        return self.manifests

    async def delete(self, key: Key, raw: Any, what: What = What.VALUES) -> None:
        self.done.append("delete" if what is What.VALUES else ("delete", what))

    async def record_event(self, raw: Any, reason: Reason, message: str, *, warning: bool) -> None:
        self.done.append((reason, message))

    async def finish(self, key: Key, raw: Any, observed: Any, policy: str, *, owned: bool) -> bool:
        self.done.append(("finish", policy, owned))
        return True

    @property
    def rendering(self) -> Rendering:
        chart: Any = SimpleNamespace(full_name="weaviate-bind-0.1.0")
        return Rendering(chart, self, self, self, self)  # type: ignore[arg-type]


def look_at(
    revisions: tuple[Revision, ...] = (), state: ReleaseState = ReleaseState.FOREIGN, **more: Any
) -> Look:
    observed = Observed(revisions, None, None, None, (), ())
    look = Look(KEY, MANIFEST, parse_resource(MANIFEST), VALUES, observed, state, NOTHING_KNOWN)
    return replace(look, **more)


async def test_values_are_written_whoever_has_the_name() -> None:
    fakes = Fakes()
    look = await fakes.rendering.render(look_at())
    assert look.rendered == WRITTEN
    assert look.failure is None
    assert fakes.done[0] == ("apply", "a: 1\n", "digest-1", "weaviate-bind-0.1.0")
    assert len(fakes.done) == 1, "Ready tells of the first time"


async def test_a_change_is_told() -> None:
    fakes = Fakes()
    raw = merged(MANIFEST, {"status": {"rendered": WRITTEN.model_dump(by_alias=True)}})
    await fakes.rendering.render(look_at(raw=raw))
    reason, message = fakes.done[1]
    assert reason is Reason.RENDERED
    assert message.endswith("were written to ConfigMap shop-values, digest digest-1")


async def test_what_is_the_same_is_not_told_again() -> None:
    fakes = Fakes(is_new=False)
    await fakes.rendering.render(look_at())
    assert [one[0] for one in fakes.done] == ["apply"]


ASKED = merged(MANIFEST, {"spec": {"render": {"output": "Manifests"}}})
SERVICE = "---\nkind: Service\nmetadata: {name: shop}\n"


async def test_manifests_are_written_where_they_are_asked_for_and_not_made_twice() -> None:
    fakes = Fakes(manifests=SERVICE)
    asked = look_at(resource=parse_resource(ASKED))
    look = await fakes.rendering.render(asked)
    assert look.rendered == WRITTEN.model_copy(update={"manifests": "shop-manifests"})
    assert fakes.done[1] == ("apply", SERVICE, "digest-1", "weaviate-bind-0.1.0", What.MANIFESTS)
    fakes.has_current = True
    await fakes.rendering.render(asked)
    assert len(fakes.done) == 3, "the values alone"


async def test_manifests_that_nobody_asks_for_any_more_go() -> None:
    fakes = Fakes(is_new=False)
    before = WRITTEN.model_copy(update={"manifests": "shop-manifests"})
    raw = merged(MANIFEST, {"status": {"rendered": before.model_dump(by_alias=True)}})
    look = await fakes.rendering.render(look_at(raw=raw))
    assert fakes.done[1:] == [("delete", What.MANIFESTS)]
    assert look.rendered == WRITTEN


@pytest.mark.parametrize(
    ("manifests", "why"),
    [
        ("---\nkind: Secret\nmetadata: {name: s}\n", "hold Secret s, which is not for a ConfigMap"),
        (SERVICE + "#" * 1024 * 1024, "a ConfigMap holds 1048576"),
    ],
)
async def test_manifests_that_are_not_for_a_config_map_are_refused(manifests: str, why: str) -> None:
    fakes = Fakes(manifests=manifests)
    look = await fakes.rendering.render(look_at(resource=parse_resource(ASKED)))
    assert look.failure is not None
    assert look.failure.reason is Reason.RENDER_FAILED
    assert why in look.failure.message
    assert "bind-operator render --manifests" in look.failure.message
    assert len(fakes.done) == 1, "the values alone"


async def test_a_release_of_before_is_left() -> None:
    look = await Fakes().rendering.render(look_at((OURS,), ReleaseState.OUT_OF_SYNC))
    assert look.leaves_release
    assert look.observed.revisions == ()


@pytest.mark.parametrize("suspended", [False, True])
async def test_nothing_is_written_of_an_invalid_or_suspended_resource(suspended: bool) -> None:
    fakes = Fakes()
    raw = merged(
        MANIFEST, {"spec": {"suspend": suspended}, "status": {"rendered": WRITTEN.model_dump(by_alias=True)}}
    )
    look = await fakes.rendering.render(look_at(raw=raw, values=VALUES if suspended else None))
    assert fakes.done == []
    assert look.rendered == WRITTEN, "it is still there"


async def test_a_config_map_of_somebody_else_is_a_final_failure() -> None:
    look = await Fakes(foreign=True).rendering.render(look_at())
    assert look.failure is not None
    assert (look.failure.reason, look.failure.is_final) == (Reason.FOREIGN_OWNER, True)


async def test_a_deletion_leaves_release_and_volumes_and_says_so() -> None:
    fakes = Fakes()
    await fakes.rendering.finish(look_at((OURS,), ReleaseState.IN_SYNC))
    told, finished = fakes.done
    assert told[0] is Reason.RELEASE_LEFT
    assert "helm uninstall shop -n space" in told[1]
    assert finished == ("finish", "Retain", False)


@pytest.mark.parametrize(
    ("state", "done"),
    [(ReleaseState.FOREIGN, []), (ReleaseState.ABSENT, ["delete"]), (ReleaseState.IN_SYNC, ["delete"])],
)
async def test_the_config_map_goes_once_the_name_is_free_for_the_operator(
    state: ReleaseState, done: list[str]
) -> None:
    fakes = Fakes()
    raw = merged(tiny_resource("shop", "space"), {"status": {"rendered": {}}})
    await fakes.rendering.withdraw(look_at(raw=raw, state=state))
    assert fakes.done == done
    await fakes.rendering.withdraw(look_at(raw=tiny_resource("shop", "space"), state=state))
    assert fakes.done == done


def test_conditions_say_who_installs() -> None:
    verdicts = judge_all(Facts(state=ReleaseState.ABSENT, rendered=WRITTEN, leaves_release=True))
    said = {str(type_): (verdict.status, verdict.reason) for type_, verdict in verdicts.items()}
    assert said["Ready"] == (True, Reason.RENDERED)
    assert said["Stalled"][0] is False
    assert said["Reconciling"][0] is False
    for type_ in ("Released", "Verified", "Drifted"):
        assert said[type_] == (None, Reason.RENDERED)
    assert said["WeaviateReady"] == (None, Reason.NOT_RELEASED)
    external = (Component.INFERENCE, Component.GATE)
    elsewhere = judge_all(Facts(state=ReleaseState.ABSENT, rendered=WRITTEN, shape=external))
    assert elsewhere[ConditionType.WEAVIATE_READY].reason is Reason.RENDERED, "nobody will ask it"
    assert verdicts[ConditionType.READY].message == (
        "values of weaviate-bind-0.1.0 are in ConfigMap shop-values, digest digest-1; somebody else installs "
        "them; the release that the operator made before is left to them"
    )


OPEN = {
    "spec": {
        "template": {
            "spec": {
                "containers": [
                    {
                        "name": "weaviate",
                        "env": [{"name": "AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED", "value": "true"}],
                    }
                ]
            }
        }
    }
}


@pytest.mark.parametrize("delivery", ["Render", "Apply"])
def test_who_may_ask_weaviate_follows_from_a_rendered_resource_alone(delivery: str) -> None:
    manifest = merged(MANIFEST, {"spec": {"delivery": delivery}})
    observed = Observed((), None, None, None, (), (), stateful_set=OPEN)
    access = Observer._access(KEY, manifest, parse_resource(manifest), observed, "made-1")
    assert access is not None
    is_rendered = delivery == "Render"
    assert (access.anonymous, access.secret, access.revision) == (
        not is_rendered,
        "shop-weaviate-keys" if is_rendered else "",
        "",
    )
