"""What may be autoscaled, and down to none."""

from typing import Any

import pytest

from bind_operator.api import parse_resource
from bind_operator.api.spec import BindVectorizer
from bind_operator.errors import InvalidSpec
from support.resources import BEFORE_PROFILES, merged, tiny_resource

TARGET = {"cpuUtilization": 80}


def scaled(inference: dict[str, Any] | None = None, **fields: Any) -> BindVectorizer:
    autoscaling = {"maxReplicas": 4, "target": TARGET} | fields
    patch = {"spec": {"inference": {"autoscaling": autoscaling, **(inference or {})}}}
    return parse_resource(merged(tiny_resource("t"), patch))


def huge(**model: Any) -> dict[str, Any]:
    return {"model": {"name": "ImageBindHuge", "licenseAccepted": True, **model}}


def test_one_stored_replica_of_old_may_stand_beside_it() -> None:
    patch = {"spec": {"inference": {"autoscaling": {"maxReplicas": 4, "target": TARGET}}}}
    resource = parse_resource(merged(merged(tiny_resource("t"), BEFORE_PROFILES), patch))
    assert resource.spec.inference.most_replicas == 4


def test_a_target_is_needed() -> None:
    with pytest.raises(InvalidSpec, match=r"target: is required"):
        parse_resource(
            merged(tiny_resource("t"), {"spec": {"inference": {"autoscaling": {"maxReplicas": 2}}}})
        )
    with pytest.raises(InvalidSpec, match="set exactly one"):
        scaled(target={})


@pytest.mark.parametrize(
    "inference",
    [
        {},
        huge(cache={"accessMode": "ReadWriteMany"}),
        huge(cache={"scope": "Shared"}),
        huge(weights={"existingClaim": {"name": "w"}}),
        huge(weights={"image": {"reference": "r.local/w:1"}}),
        huge() | {"image": {"repository": "semitechnologies/multi2vec-bind", "tag": "imagebind"}},
    ],
)
def test_there_may_be_none_where_a_new_pod_has_the_weights_at_once(inference: dict[str, Any]) -> None:
    assert scaled(inference, minReplicas=0).spec.inference.autoscaling is not None


def test_one_pod_at_most_has_the_cache_to_itself() -> None:
    assert scaled(huge(), minReplicas=0, maxReplicas=1).spec.inference.shares_cache
    with pytest.raises(InvalidSpec, match="would download the weights"):
        scaled(huge(cache={"scope": "PerPod"}), minReplicas=0, maxReplicas=1)
    with pytest.raises(InvalidSpec, match="would download the weights"):
        scaled(huge(cache={"persistence": False}), minReplicas=0, maxReplicas=1)


def test_several_pods_have_a_cache_each() -> None:
    assert not scaled(huge()).spec.inference.shares_cache
