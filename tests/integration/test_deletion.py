"""The end of a resource: what is removed, what is kept, and that it never hangs."""

import pytest

from integration.apiserver import ApiServer
from integration.instance import Instance
from integration.operator_process import OperatorProcess
from support.api_proxy import NO_HARM, ApiProxy, Harm
from support.waiting import eventually

DELETE = {"spec": {"deletionPolicy": "Delete"}}


def installed(instance: Instance, patch: dict[str, object] | None = None) -> None:
    instance.apply(patch)
    eventually("released", lambda: instance.condition("Released") == ("True", "Deployed"))


def test_volumes_are_kept_by_default(operator: OperatorProcess, instance: Instance) -> None:
    installed(instance)
    claim = instance.create_claim()
    instance.delete(wait_s=20)
    assert instance.revisions() == {}
    assert instance.get("statefulset", "-weaviate") is None
    assert instance.claims() == [claim]
    assert instance.event_reasons()[-4:] == ["Deleting", "Uninstalled", "VolumesKept", "KeysKept"]


def test_kept_volumes_are_taken_up_by_the_next_of_the_name(
    operator: OperatorProcess, instance: Instance
) -> None:
    huge = {"spec": {"inference": {"model": {"name": "ImageBindHuge", "licenseAccepted": True}}}}
    installed(instance, huge)
    cache = f"{instance.name}-model-cache"
    assert instance.claims() == [cache]
    instance.delete(wait_s=20)
    assert instance.claims() == [cache]
    installed(instance, huge)
    assert instance.claims() == [cache]


def test_volumes_are_deleted_if_asked_for(operator: OperatorProcess, instance: Instance) -> None:
    installed(instance, DELETE)
    instance.create_claim()
    # No controller removes the protection that the API server gives a claim.
    instance.server.kubectl("delete", "bv", instance.name, "-n", instance.namespace, "--wait=false")
    eventually("uninstalled", lambda: instance.revisions() == {})
    eventually("claim is being deleted", lambda: are_deleted(instance))
    assert instance.get() is not None
    assert instance.condition() == ("False", "Deleting")
    free_claims(instance)
    eventually("gone", lambda: instance.get() is None)
    assert instance.claims() == []
    assert instance.event_reasons()[-1] == "VolumesDeleted"


def are_deleted(instance: Instance) -> bool:
    claims = instance.server.get("pvc", namespace=instance.namespace)
    return all("deletionTimestamp" in claim["metadata"] for claim in claims)


def free_claims(instance: Instance) -> None:
    for claim in instance.claims():
        patch = '{"metadata": {"finalizers": null}}'
        instance.server.kubectl("patch", "pvc", claim, "-n", instance.namespace, "--type=merge", "-p", patch)


def test_a_volume_that_does_not_go_is_left_after_the_limit(
    impatient_operator: OperatorProcess, instance: Instance
) -> None:
    installed(instance, DELETE)
    claim = instance.create_claim()
    instance.delete(wait_s=20)
    assert instance.claims() == [claim]
    assert instance.event_reasons()[-1] == "VolumesLeft"
    free_claims(instance)


def test_a_suspended_resource_is_deleted_too(operator: OperatorProcess, instance: Instance) -> None:
    installed(instance, {"spec": {"suspend": False}})
    instance.apply({"spec": {"suspend": True}})
    eventually("suspended", lambda: instance.condition()[1] == "Suspended")
    instance.delete(wait_s=20)
    assert instance.revisions() == {}


def test_a_resource_deleted_before_the_operator_saw_it(
    apiserver: ApiServer, operator: OperatorProcess, instance: Instance
) -> None:
    operator.stop()
    instance.apply()
    instance.delete(wait_s=10)
    operator.start()
    other = Instance(apiserver, f"{instance.name}-b", instance.namespace)
    installed(other)
    assert instance.revisions() == {}


@pytest.mark.long
def test_the_operator_may_be_killed_in_a_deletion(operator: OperatorProcess, instance: Instance) -> None:
    installed(instance)
    instance.delete()
    operator.kill()
    operator.start()
    eventually("gone", lambda: instance.get() is None)
    assert instance.revisions() == {}


def test_what_helm_could_not_read_is_deleted_too(
    proxy: ApiProxy, far_operator: OperatorProcess, instance: Instance
) -> None:
    """Helm skips such an object, calls the uninstall a success, and would forget that it was there."""
    instance.apply()
    eventually("released", lambda: instance.condition("Released") == ("True", "Deployed"), within_s=30)
    service = f"/services/{instance.name}-weaviate"
    proxy.harm(lambda method, path: Harm(503) if method == "GET" and service in path else NO_HARM)
    instance.delete()
    eventually("helm is through", lambda: {*instance.revisions().values()} <= {"uninstalled"}, within_s=30)
    proxy.heal()
    eventually("gone", lambda: instance.get() is None, within_s=30)
    assert instance.revisions() == {}
    for suffix in ("-weaviate", "-weaviate-headless", "-weaviate-grpc"):
        assert instance.get("service", suffix) is None, f"{suffix} was left behind"
    assert "left by helm and deleted" in far_operator.log(), "helm could read it, so nothing is shown here"
