"""Whose fault a refusal is, by messages as Helm 4 and Kubernetes 1.35 give them."""

import pytest

from bind_operator.release.refusals import is_fault_of_the_spec, lost_kinds, unserved_kinds

APPLY = "INSTALLATION FAILED: server-side apply failed for object demo/t-inference apps/v1, Kind=Deployment: "

FAULTS = {
    "a value that the API server finds invalid": APPLY
    + 'Deployment.apps "t-inference" is invalid: spec.template.spec.containers[0].env[9].valueFrom: '
    "Invalid value: may not have more than one field specified at a time",
    "a name twice in a list that is a map": APPLY
    + "failed to create typed patch object (demo/t-inference; apps/v1, Kind=Deployment): "
    '.spec.template.spec.containers[name="inference"].env: duplicate entries for key [name="A"]',
    "a check of the chart": "INSTALLATION FAILED: execution error at (weaviate-bind/templates/x.yaml:1:4): "
    "env.RAFT_BOOTSTRAP_EXPECT is 3, more than the 1 replicas: the cluster would wait for ever",
}

PASSING = {
    "an admission webhook refuses": APPLY
    + 'admission webhook "policy.example.org" denied the request: image is invalid: no signature',
    "an admission policy refuses": APPLY
    + "Deployment.apps \"t\" is invalid: : ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no",
    "a webhook does not answer": APPLY
    + 'Internal error occurred: failed calling webhook "x": context deadline exceeded',
    "a quota": 'INSTALLATION FAILED: secrets "a" is forbidden: exceeded quota: q, requested: secrets=1',
    "a field that cannot change, of an object that somebody may replace": "UPGRADE FAILED: "
    'StatefulSet.apps "t-weaviate" is invalid: spec: Forbidden: updates to statefulset spec for fields other '
    "than 'replicas' are forbidden",
    "an immutable field": 'UPGRADE FAILED: Deployment.apps "t" is invalid: spec.selector: Invalid value: '
    "field is immutable",
    "the API server is away": 'INSTALLATION FAILED: Kubernetes cluster unreachable: Get "https://1.2.3.4": '
    "dial tcp 1.2.3.4:443: connect: connection refused",
    "a full disk": "INSTALLATION FAILED: write /tmp/helm-x/cache: no space left on device",
    "a time-out": 'INSTALLATION FAILED: Get "https://1.2.3.4/api": dial tcp: i/o timeout',
    "etcd": "UPGRADE FAILED: etcdserver: request timed out",
    "a namespace that goes": 'secrets "a" is forbidden: unable to create new content in '
    "namespace demo because it is being terminated",
    "an object of somebody else": 'unable to continue with install: ConfigMap "t-gate" in '
    'namespace "demo" exists and cannot be imported into the current release: invalid ownership metadata',
    "nothing that is known": "INSTALLATION FAILED: boom",
}


@pytest.mark.parametrize("message", FAULTS.values(), ids=FAULTS)
def test_the_specs_own(message: str) -> None:
    assert is_fault_of_the_spec(message)


@pytest.mark.parametrize("message", PASSING.values(), ids=PASSING)
def test_what_may_pass(message: str) -> None:
    assert not is_fault_of_the_spec(message)


@pytest.mark.parametrize("message", PASSING.values(), ids=PASSING)
def test_what_may_pass_wins_where_several_things_failed(message: str) -> None:
    assert not is_fault_of_the_spec(f"{FAULTS['a check of the chart']}; {message}") or message.endswith(
        ("boom", "invalid ownership metadata")
    )


_UNKNOWN = 'mapping not found for name: "t" namespace: "" from "": no matches for kind "{}" in version "{}"'
ROUTES = "gateway.networking.k8s.io/v1"


def test_kinds_that_the_cluster_does_not_know_are_named_with_the_remedy() -> None:
    both = ", ".join(_UNKNOWN.format(kind, ROUTES) for kind in ("HTTPRoute", "GRPCRoute"))
    said = unserved_kinds(f"INSTALLATION FAILED: unable to build kubernetes objects: [{both}]")
    assert said.startswith(f"the cluster does not know GRPCRoute ({ROUTES}), HTTPRoute ({ROUTES}): install")
    assert "spec.weaviate.expose.ingress" in said
    other = unserved_kinds(_UNKNOWN.format("ServiceMonitor", "monitoring.coreos.com/v1"))
    assert other.startswith("the cluster does not know ServiceMonitor (monitoring.coreos.com/v1): ")


def test_kinds_are_lost_where_it_is_the_last_revision_that_has_them() -> None:
    words = _UNKNOWN.format("HTTPRoute", ROUTES)
    of_what_is = (
        f"UPGRADE FAILED: unable to build kubernetes objects from current release manifest: [{words}]"
    )
    of_what_shall_be = of_what_is.replace("current", "new")
    assert lost_kinds(of_what_is) == (("HTTPRoute", ROUTES),)
    assert lost_kinds(of_what_shall_be) == ()
    assert lost_kinds("current release manifest: another fault") == ()


@pytest.mark.parametrize("message", [*FAULTS.values(), *PASSING.values()])
def test_no_other_error_is_taken_for_one_of_unknown_kinds(message: str) -> None:
    assert unserved_kinds(message) == ""
