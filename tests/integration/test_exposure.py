"""Ingresses and routes on a real API server: what it does not know is told, and made once it does."""

from integration.apiserver import ApiServer
from integration.gateway_api import serving_gateway_api
from integration.instance import Instance
from integration.operator_process import OperatorProcess
from support.waiting import comes_to_rest, eventually

GATEWAY = {
    "parentRefs": [{"name": "public", "namespace": "gateways", "sectionName": "https"}],
    "httpHost": "search.example.com",
    "grpcHost": "grpc.search.example.com",
}
INGRESS = {
    "className": "nginx",
    "http": {"host": "search.example.com", "tlsSecretName": "search-tls"},
    "grpc": {"host": "search.example.com", "annotations": {"example.com/protocol": "GRPC"}},
}


def spec(**expose: object) -> dict[str, object]:
    return {"spec": {"weaviate": {"expose": expose}}}


def deployed(instance: Instance) -> None:
    eventually("deployed", lambda: instance.condition("Released") == ("True", "Deployed"), within_s=60)


def test_ingresses_are_made_and_their_addresses_told(operator: OperatorProcess, instance: Instance) -> None:
    instance.apply(spec(ingress=INGRESS))
    deployed(instance)
    for suffix in ("-weaviate", "-weaviate-grpc"):
        assert instance.get("ingress", suffix)["spec"]["rules"][0]["host"] == "search.example.com"
    endpoints = instance.get()["status"]["endpoints"]
    assert endpoints["publicHttp"] == "https://search.example.com"
    assert endpoints["publicGrpc"] == "search.example.com:80"


def test_an_unknown_gateway_api_is_told_and_used_once_it_is_there(
    apiserver: ApiServer, operator: OperatorProcess, instance: Instance
) -> None:
    instance.apply(spec(gateway=GATEWAY))
    eventually("told", lambda: instance.condition("Ready") == ("False", "KindNotServed"), within_s=60)
    assert "HTTPRoute (gateway.networking.k8s.io/v1)" in instance.message("Ready")
    assert "spec.weaviate.expose.ingress" in instance.message("Ready")
    with serving_gateway_api(apiserver):
        instance.kubectl("annotate", "bv", instance.name, "bindvectorizer.dev/reconcile=1")
        deployed(instance)
        for kind, suffix in (("httproute", "-weaviate"), ("grpcroute", "-weaviate-grpc")):
            # The API server has filled in its defaults, so it has read and taken the route.
            assert instance.get(kind, suffix)["spec"]["parentRefs"][0]["kind"] == "Gateway"
        assert instance.get()["status"]["endpoints"]["publicGrpc"] == "grpc.search.example.com:443"
        instance.roll_out()
        eventually("looked at", lambda: instance.condition("Drifted") == ("False", "NoDriftDetected"))
    # The routes go with their definitions, and cannot be put back.
    instance.kubectl("annotate", "--overwrite", "bv", instance.name, "bindvectorizer.dev/reconcile=2")
    eventually("told", lambda: instance.condition("Drifted") == ("Unknown", "DriftUnknown"), within_s=60)
    assert "the cluster does not know its kind" in instance.message("Drifted")
    # A look that falls between the end of the routes and that of their kind may still have put them back.
    assert comes_to_rest(instance.event_reasons, 1.0, 20, poll_s=0.2)
    put_back = instance.event_reasons().count("DriftCorrected")
    instance.kubectl("annotate", "--overwrite", "bv", instance.name, "bindvectorizer.dev/reconcile=3")
    eventually("looked at", lambda: instance.get()["status"].get("lastHandledReconcile") == "3")
    assert instance.condition("Drifted") == ("Unknown", "DriftUnknown")
    assert instance.event_reasons().count("DriftCorrected") == put_back
    instance.apply({"spec": {"weaviate": {"expose": None}}})
    eventually("goes on", lambda: instance.revisions().get(2) == "deployed", within_s=60)
    assert "KindForgotten" in instance.event_reasons()
