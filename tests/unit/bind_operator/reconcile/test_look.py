"""What a look hands on to the decision."""

from dataclasses import replace

import pytest

from bind_operator.api import parse_resource
from bind_operator.cluster.kube import Observed
from bind_operator.policy.facts import Component, Key, Revision, Workload
from bind_operator.policy.memory import NOTHING_KNOWN
from bind_operator.policy.state import ReleaseState
from bind_operator.reconcile.look import Look
from bind_operator.release.values import RenderedValues
from support.resources import merged, tiny_resource

MANIFEST = tiny_resource("t")
WORKLOAD = Workload("t-weaviate", "t", wanted=1, ready=1, is_current=True)
LATEST = Revision(1, "deployed", True, "digest", "weaviate-bind-0.1.0", 0.0)
WHOLE = Observed((LATEST,), WORKLOAD, WORKLOAD, None, (), ())
LOOK = Look(
    Key("demo", "t"), MANIFEST, parse_resource(MANIFEST), None, WHOLE, ReleaseState.OUT_OF_SYNC, NOTHING_KNOWN
)


def test_a_spec_without_values_is_invalid_although_it_can_be_read() -> None:
    assert LOOK.resource is not None
    assert LOOK.situation.is_invalid


@pytest.mark.parametrize(
    ("observed", "lacks"),
    [
        (WHOLE, False),
        (replace(WHOLE, inference=None), True),
        (replace(WHOLE, weaviate=None), True),
        (replace(WHOLE, inference=None, revisions=(replace(LATEST, status="failed"),)), False),
        (replace(WHOLE, inference=None, revisions=()), False),
    ],
)
def test_a_workload_is_lacking_where_it_was_deployed(observed: Observed, lacks: bool) -> None:
    assert replace(LOOK, observed=observed).situation.lacks_workload is lacks


def test_what_is_lacking_is_judged_by_what_is_deployed_and_not_by_the_spec() -> None:
    # The spec may want Weaviate to go, and wait for consent.
    external = {"spec": {"weaviate": {"external": {"url": "http://w.local"}}}}
    look = replace(LOOK, resource=parse_resource(merged(MANIFEST, external)))
    assert look.shape == (Component.INFERENCE, Component.GATE)
    assert look.situation.lacks_workload is False
    assert replace(look, observed=replace(WHOLE, weaviate=None)).situation.lacks_workload is True
    apart = replace(WHOLE, weaviate=None, revisions=(replace(LATEST, shape=look.shape),), gate=WORKLOAD)
    assert replace(look, observed=apart).situation.lacks_workload is False
    assert replace(look, observed=replace(apart, gate=None)).situation.lacks_workload is True


@pytest.mark.parametrize(
    ("told", "found", "is_new"),
    [(None, None, False), ("a", "a", False), ("a", "b", True), (None, "a", True), ("a", None, True)],
)
def test_values_are_new_where_the_status_tells_of_others(
    told: str | None, found: str | None, is_new: bool
) -> None:
    status = {"status": {"valuesDigest": told} if told else {}}
    look = replace(LOOK, raw=merged(MANIFEST, status), values=RenderedValues("", "d", layers_digest=found))
    assert look.has_new_values is is_new
    assert replace(look, values=None).has_new_values is False
