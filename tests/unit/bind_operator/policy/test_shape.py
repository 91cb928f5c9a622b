"""Which workloads a release has: by its spec, and by its own labels."""

import pytest

from bind_operator.api import parse_resource
from bind_operator.policy.causes import Cause, Occasion
from bind_operator.policy.facts import Component
from bind_operator.policy.shape import MANAGED, deployed_shape, shape_of
from bind_operator.release.storage import read_revisions, release_labels
from support.resources import merged, tiny_resource

OCCASION = Occasion(1, Cause.INSTALLED)
WEAVIATE = {"spec": {"weaviate": {"external": {"url": "http://w.local"}}}}
INFERENCE = {
    "spec": {"inference": {"external": {"url": "http://b.local"}, "model": {"name": "ImageBindHuge"}}}
}
CASES = {
    "managed": ({}, MANAGED),
    "external Weaviate": (WEAVIATE, (Component.INFERENCE, Component.GATE)),
    "external inference": (INFERENCE, (Component.WEAVIATE,)),
}


@pytest.mark.parametrize("case", CASES)
def test_the_shape_of_a_spec_is_read_back_from_the_labels_of_its_release(case: str) -> None:
    patch, shape = CASES[case]
    spec = parse_resource(merged(tiny_resource("t"), patch)).spec
    assert shape_of(spec) == shape
    labels = release_labels("d", "c-1", 4, OCCASION, shape_of(spec)) | {"version": "4"}
    assert set(deployed_shape(read_revisions([{"metadata": {"labels": labels}}]))) == set(shape)


def test_a_release_of_an_operator_that_wrote_no_shape_is_whole() -> None:
    assert deployed_shape(read_revisions([{"metadata": {"labels": {"version": "1"}}}])) == MANAGED
    assert deployed_shape(()) == MANAGED
