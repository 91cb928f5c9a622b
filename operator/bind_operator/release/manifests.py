"""The manifests that Helm makes of values may be kept in a ConfigMap, if they fit one and hold no secret."""

import yaml

from bind_operator.errors import RenderFailed

MAX_BYTES = 1024 * 1024
"""The API server takes no more data in a ConfigMap."""
INSTEAD = "set spec.render.output to Values, or print them with `bind-operator render --manifests`"


def check_manifests(text: str) -> None:
    """Raise RenderFailed if manifests have no place in a ConfigMap, which more may read than a Secret."""
    size = len(text.encode())
    if size > MAX_BYTES:
        raise RenderFailed(f"the manifests are {size} bytes, and a ConfigMap holds {MAX_BYTES}; {INSTEAD}")
    objects = (one for one in yaml.load_all(text, yaml.CSafeLoader) if one)
    names = [one["metadata"]["name"] for one in objects if one["kind"] == "Secret"]
    if names:
        raise RenderFailed(f"the manifests hold Secret {names[0]}, which is not for a ConfigMap; {INSTEAD}")
