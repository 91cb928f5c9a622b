"""Kubernetes knows the resource by these names."""

GROUP = "bindvectorizer.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
KIND = "BindVectorizer"
PLURAL = "bindvectorizers"
SINGULAR = "bindvectorizer"
SHORT_NAME = "bv"
FINALIZER = f"{GROUP}/finalizer"
RECONCILE_ANNOTATION = f"{GROUP}/reconcile"
"""Any new value of it asks for an attempt at once, whatever failed before."""
MAX_NAME_LENGTH = 40
"""It keeps `<name>-weaviate-headless` and the labels that StatefulSets make of it under 63 characters."""
