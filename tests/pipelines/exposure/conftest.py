"""What the tests with an ingress controller need: an API server and an operator."""

from integration.conftest import (
    _helm_looks_where_the_operator_keeps_its_records,
    apiserver,
    instance,
    operator,
    operator_kubeconfig,
    shared_operator,
)

__all__ = [
    "_helm_looks_where_the_operator_keeps_its_records",
    "apiserver",
    "instance",
    "operator",
    "operator_kubeconfig",
    "shared_operator",
]
