"""A release has the workloads that its spec asks for; what runs elsewhere is none of them."""

from collections.abc import Sequence

from bind_operator.api.spec import BindVectorizerSpec
from bind_operator.policy.facts import Component, Revision

Shape = tuple[Component, ...]

MANAGED: Shape = (Component.WEAVIATE, Component.INFERENCE)


def shape_of(spec: BindVectorizerSpec) -> Shape:
    """Return the workloads that a release of `spec` has."""
    if spec.weaviate.external is not None:
        return (Component.INFERENCE, Component.GATE)
    return (Component.WEAVIATE,) if spec.inference.external is not None else MANAGED


def deployed_shape(revisions: Sequence[Revision]) -> Shape:
    """Return the workloads of the latest revision, newest first, which the spec may want to be others."""
    return revisions[0].shape if revisions else MANAGED
