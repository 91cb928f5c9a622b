"""The models make the CustomResourceDefinition."""

from typing import Any

from bind_operator.api.identity import API_VERSION, GROUP, KIND, PLURAL, SHORT_NAME, SINGULAR, VERSION
from bind_operator.api.rules import RULES
from bind_operator.api.schema import build_schema
from bind_operator.api.spec import BindVectorizer

COLUMNS = (
    ("Ready", "string", '.status.conditions[?(@.type=="Ready")].status'),
    ("Reason", "string", '.status.conditions[?(@.type=="Ready")].reason'),
    ("Device", "string", ".status.device"),
    ("Replicas", "string", ".status.replicas"),
    ("URL", "string", ".status.endpoints.http"),
    ("Age", "date", ".metadata.creationTimestamp"),
)
"""`kubectl get bv` prints these, each given as name, type and JSON path."""

WIDE_COLUMNS = (
    ("Profile", "string", ".spec.profile"),
    ("Backup", "date", ".status.backup.lastSuccess.time"),
    ("Backups", "integer", ".status.backup.retention.kept"),
)
"""`kubectl get bv -o wide` prints these too."""


def build_crd() -> dict[str, Any]:
    """Return the CustomResourceDefinition as a manifest. Its values are JSON only."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{PLURAL}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "names": {
                "kind": KIND,
                "listKind": f"{KIND}List",
                "plural": PLURAL,
                "singular": SINGULAR,
                "shortNames": [SHORT_NAME],
            },
            "scope": "Namespaced",
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": [
                        *({"name": name, "type": type_, "jsonPath": path} for name, type_, path in COLUMNS),
                        *(
                            {"name": name, "type": type_, "jsonPath": path, "priority": 1}
                            for name, type_, path in WIDE_COLUMNS
                        ),
                    ],
                    "schema": {"openAPIV3Schema": _root_schema()},
                }
            ],
        },
    }


def _root_schema() -> dict[str, Any]:
    """Return the schema of the whole object; Kubernetes wants its own three fields plain."""
    schema = build_schema(BindVectorizer, RULES)
    properties = schema["properties"]
    properties["apiVersion"] = {"type": "string", "description": f"Always {API_VERSION}."}
    properties["kind"] = {"type": "string", "description": f"Always {KIND}."}
    properties["metadata"] = {"type": "object"}
    # A default here would be judged by the rules of the spec, which the empty spec does not pass.
    del properties["spec"]["default"]
    return schema | {"required": ["spec"]}
