"""Volume claims: whose they are, which are adopted, and how they grow."""

import json
import time
from typing import Any

from integration.instance import Instance
from integration.operator_process import OperatorProcess
from support.resources import merged
from support.waiting import eventually

DELETE = {"spec": {"deletionPolicy": "Delete"}}
ONE_GI = {"spec": {"weaviate": {"storage": {"size": "1Gi"}}}}


def sized(size: str, storage_class: str | None = None) -> dict[str, Any]:
    return {"spec": {"weaviate": {"storage": {"size": size, "storageClassName": storage_class}}}}


def installed(instance: Instance, patch: dict[str, Any]) -> None:
    instance.apply(patch)
    eventually("released", lambda: instance.condition("Released") == ("True", "Deployed"))


def claim(instance: Instance, name: str) -> Any:
    return instance.server.get("pvc", name, namespace=instance.namespace)


def annotations(instance: Instance, name: str) -> dict[str, str]:
    found: dict[str, str] = claim(instance, name)["metadata"].get("annotations", {})
    return found


def requested(instance: Instance, name: str) -> str:
    return str(claim(instance, name)["spec"]["resources"]["requests"]["storage"])


def test_kept_claims_outlive_a_resource_that_never_installed(
    operator: OperatorProcess, instance: Instance
) -> None:
    installed(instance, ONE_GI)
    kept = instance.create_claim()
    instance.delete(wait_s=20)
    instance.apply(merged(merged(ONE_GI, DELETE), {"spec": {"suspend": True}}))
    eventually("seen", lambda: instance.condition()[1] == "Suspended")
    instance.delete(wait_s=20)
    assert "deletionTimestamp" not in claim(instance, kept)["metadata"]
    assert instance.event_reasons()[-1] == "VolumesKept"


def test_a_claim_in_use_bears_the_resources_uid_once(operator: OperatorProcess, instance: Instance) -> None:
    installed(instance, ONE_GI)
    name = instance.create_claim()
    instance.apply(merged(ONE_GI, {"spec": {"inference": {"replicas": 2}}}))
    uid = instance.get()["metadata"]["uid"]
    eventually("marked", lambda: annotations(instance, name).get("bindvectorizer.dev/owner-uid") == uid)
    version = claim(instance, name)["metadata"]["resourceVersion"]
    time.sleep(2.5)
    assert claim(instance, name)["metadata"]["resourceVersion"] == version
    assert "ClaimAdopted" not in instance.event_reasons()


def test_a_claim_that_fits_is_adopted_and_said_so(operator: OperatorProcess, instance: Instance) -> None:
    name = instance.create_claim("2Gi")
    time.sleep(1.1)  # creation times are whole seconds
    installed(instance, sized("2Gi"))
    eventually("told", lambda: "ClaimAdopted" in instance.event_reasons())
    (found,) = instance.status()["storage"]
    created = claim(instance, name)["metadata"]["creationTimestamp"]
    assert found == {"name": name, "size": "2Gi", "created": created, "adopted": True}


def test_a_smaller_claim_grows_before_the_install(operator: OperatorProcess, instance: Instance) -> None:
    instance.create_class("grows", expands=True)
    name = instance.create_claim("1Gi", "grows")
    installed(instance, sized("2Gi", "grows"))
    assert requested(instance, name) == "2Gi"


def test_a_restored_claim_without_labels_is_found_and_marked(
    operator: OperatorProcess, instance: Instance
) -> None:
    name = f"weaviate-data-{instance.name}-weaviate-0"
    manifest = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": instance.namespace},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    instance.server.kubectl("create", "-f", "-", manifest=manifest)
    time.sleep(1.1)
    installed(instance, ONE_GI)
    uid = instance.get()["metadata"]["uid"]
    eventually("marked", lambda: annotations(instance, name).get("bindvectorizer.dev/owner-uid") == uid)
    assert "ClaimAdopted" in instance.event_reasons()
    assert instance.claims() == [name]


def test_an_adopted_claim_goes_with_its_new_owner(operator: OperatorProcess, instance: Instance) -> None:
    name = instance.create_claim()
    installed(instance, merged(ONE_GI, DELETE))
    uid = instance.get()["metadata"]["uid"]
    eventually("marked", lambda: annotations(instance, name).get("bindvectorizer.dev/owner-uid") == uid)
    instance.delete()
    eventually("deleted", lambda: "deletionTimestamp" in (claim(instance, name) or {}).get("metadata", {}))


def test_a_larger_claim_is_not_adopted_until_the_spec_fits(
    operator: OperatorProcess, instance: Instance
) -> None:
    name = instance.create_claim("5Gi")
    instance.apply(ONE_GI)
    eventually("refused", lambda: instance.condition() == ("False", "ClaimUnfit"))
    assert instance.revisions() == {}
    assert name in instance.message()
    assert "spec.weaviate.storage.size to 5Gi" in instance.message()
    assert instance.condition("Stalled") == ("True", "ClaimUnfit")
    installed(instance, sized("5Gi"))


def test_a_claim_of_another_class_is_not_adopted(operator: OperatorProcess, instance: Instance) -> None:
    instance.create_class("grows", expands=True)
    instance.create_claim("1Gi", "grows")
    instance.apply(sized("1Gi", "other"))
    eventually("refused", lambda: instance.condition() == ("False", "ClaimUnfit"))
    assert "spec.weaviate.storage.storageClassName to grows" in instance.message()
    installed(instance, sized("1Gi", "grows"))


def test_claims_grow_and_the_stateful_set_is_replaced_around_its_pods(
    operator: OperatorProcess, instance: Instance
) -> None:
    instance.create_class("grows", expands=True)
    installed(instance, sized("1Gi", "grows"))
    name = instance.create_claim("1Gi", "grows")
    before = instance.get("statefulset", "-weaviate")["metadata"]["uid"]
    instance.apply(sized("2Gi", "grows"))
    eventually("grown", lambda: requested(instance, name) == "2Gi")
    # No controller lets the pods of a StatefulSet go; this is what the garbage collector does.
    eventually("is let go", lambda: finalizers(instance) == ["orphan"])
    free(instance)
    eventually("replaced", lambda: template_size(instance) == "2Gi")
    assert instance.get("statefulset", "-weaviate")["metadata"]["uid"] != before
    eventually("released", lambda: instance.condition("Released") == ("True", "Deployed"))


def finalizers(instance: Instance) -> list[str]:
    item = instance.get("statefulset", "-weaviate") or {"metadata": {}}
    return list(item["metadata"].get("finalizers", []))


def free(instance: Instance) -> None:
    patch = json.dumps({"metadata": {"finalizers": None}})
    name = f"{instance.name}-weaviate"
    instance.server.kubectl(
        "patch", "statefulset", name, "-n", instance.namespace, "--type=merge", "-p", patch
    )


def template_size(instance: Instance) -> str:
    item = instance.get("statefulset", "-weaviate")
    if item is None:
        return ""
    (template,) = item["spec"]["volumeClaimTemplates"]
    return str(template["spec"]["resources"]["requests"]["storage"])


def test_a_class_that_cannot_grow_is_said_and_the_size_put_back(
    operator: OperatorProcess, instance: Instance
) -> None:
    instance.create_class("stays", expands=False)
    installed(instance, sized("1Gi", "stays"))
    name = instance.create_claim("1Gi", "stays")
    instance.apply(sized("2Gi", "stays"))
    eventually("refused", lambda: instance.condition() == ("False", "ClaimNotGrown"))
    assert "must support resize" in instance.message()
    assert "spec.weaviate.storage.size back to 1Gi" in instance.message()
    assert instance.condition("Stalled")[0] == "False"
    instance.apply(sized("1Gi", "stays"))
    eventually("put back", lambda: instance.condition("Released") == ("True", "Deployed"))
    assert (requested(instance, name), template_size(instance)) == ("1Gi", "1Gi")


def test_shrinking_and_another_class_are_refused_and_can_be_put_back(
    operator: OperatorProcess, instance: Instance
) -> None:
    installed(instance, sized("2Gi"))
    instance.create_claim("2Gi")
    instance.apply(ONE_GI)
    eventually("refused", lambda: instance.condition() == ("False", "ChangeRefused"))
    assert "spec.weaviate.storage.size back to 2Gi" in instance.message()
    instance.apply(sized("2Gi", "fast"))
    eventually("class", lambda: "storageClassName" in instance.message())
    assert instance.condition() == ("False", "ChangeRefused")
    instance.apply(sized("2Gi"))
    eventually("put back", lambda: instance.condition("Released") == ("True", "Deployed"))
    assert instance.condition("ChangesAccepted")[0] == "True"
    assert instance.revisions() == {1: "deployed"}


def test_the_model_cache_grows_too(operator: OperatorProcess, instance: Instance) -> None:
    def cached(size: str) -> dict[str, Any]:
        model = {"name": "ImageBindHuge", "licenseAccepted": True, "cache": {"size": size}}
        return {"spec": {"inference": {"model": model}}}

    installed(instance, cached("10Gi"))
    instance.apply(cached("20Gi"))
    eventually("refused", lambda: instance.condition() == ("False", "ClaimNotGrown"))
    assert "spec.inference.model.cache.size back to 10Gi" in instance.message()
    instance.apply(cached("10Gi"))
    eventually("put back", lambda: instance.condition("Released") == ("True", "Deployed"))
