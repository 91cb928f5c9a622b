"""The chart makes objects of these names and ports; all that look for them take them from here.

tests/charts/weaviate_bind/test_names.py holds the chart's templates to them.
"""

from bind_operator.policy.facts import Component

CHART = "weaviate-bind"
OPERATOR = "bind-operator"
"""The operator records events and marks its releases under this name."""
MODULE = "multi2vec-bind"
"""It is Weaviate's module, the key of its values and the last part of the path of upstream's image."""

GRPC_PORT = 50051
INFERENCE_PORT = 8080
GATE_PORT = 8182
"""The gate's health listener, which answers the live check. Weaviate's headless Service offers it."""
GATE_HEALTH = f"{GATE_PORT} (gate-health)"
"""That port for people. A network policy needs the number: not all plugins know a sidecar's port by name."""


def workload_name(release: str, component: Component) -> str:
    """Return the name of a component's Deployment or StatefulSet, and of its Service."""
    return f"{release}-{component}"


def data_claim_name(release: str, number: int) -> str:
    """Return the name of the volume claim of one Weaviate pod, by the pod's number."""
    return f"weaviate-data-{workload_name(release, Component.WEAVIATE)}-{number}"


def cache_claim_name(release: str, *, is_wide: bool = False) -> str:
    """Return the name of the volume claim of the model cache. is_wide: all nodes can mount it."""
    return f"{release}-model-cache{'-rwx' if is_wide else ''}"


def rendered_name(release: str, what: str = "values") -> str:
    """Return the name of the ConfigMap of what is rendered for somebody else: values or manifests."""
    return f"{release}-{what}"


def weaviate_keys_name(release: str) -> str:
    """Return the name of the Secret with Weaviate's keys that the operator makes, and of what holds it."""
    return f"{release}-weaviate-keys"


def inference_keys_name(release: str) -> str:
    """Return the name of the Secret with the keys between gate and inference that the operator makes."""
    return f"{release}-inference-keys"


def gate_address(release: str, namespace: str) -> str:
    """Return the address that an external Weaviate asks for its vectors."""
    return f"http://{workload_name(release, Component.GATE)}.{namespace}.svc"


def gate_name(release: str, namespace: str) -> str:
    """Return what the gate of an external Weaviate calls itself; the server shows it in its metadata."""
    return f"{namespace}/{release}"


def external_gate_url(release: str, namespace: str) -> str:
    """Return the address of the health listeners of gates that are pods of their own."""
    return f"{gate_address(release, namespace)}:{GATE_PORT}"


def rest_url(release: str, namespace: str) -> str:
    """Return the address of Weaviate's REST API, which its Service offers at port 80."""
    return f"http://{workload_name(release, Component.WEAVIATE)}.{namespace}.svc"


def gate_url(release: str, namespace: str) -> str:
    """Return the address of the gates' health listeners, beside Weaviate, under one name."""
    return f"http://{workload_name(release, Component.WEAVIATE)}-headless.{namespace}.svc:{GATE_PORT}"


def grpc_address(release: str, namespace: str) -> str:
    """Return `host:port` of Weaviate's gRPC API, which has a Service of its own."""
    return f"{workload_name(release, Component.WEAVIATE)}-grpc.{namespace}.svc:{GRPC_PORT}"


def inference_url(release: str, namespace: str) -> str:
    """Return the address of the inference servers, behind one name."""
    return f"http://{workload_name(release, Component.INFERENCE)}.{namespace}.svc:{INFERENCE_PORT}"


def is_upstream_image(repository: str) -> bool:
    """Return whether a repository holds upstream's server, which has its model inside and other metadata.

    The chart's `weaviate-bind.isUpstreamImage` is the same rule, and a test compares the two.
    """
    return repository.rpartition("/")[2] == MODULE
