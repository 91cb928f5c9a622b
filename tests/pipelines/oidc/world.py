"""The real Weaviate with the environment that the chart renders for a resource, and who asks it."""

import base64
import re
from typing import Any

import httpx

from integration.instance import Instance

_OWN = re.compile(r"^(AUTHENTICATION|AUTHORIZATION|WEAVIATE_API_KEY)_")
THING = {"class": "Thing", "vectorizer": "none", "properties": [{"name": "text", "dataType": ["text"]}]}


def environment(instance: Instance) -> dict[str, str | None]:
    """Return what Weaviate's container is told of who may ask it, as the kubelet would resolve it."""
    pod = instance.get("statefulset", "-weaviate")["spec"]["template"]["spec"]
    resolved: dict[str, str | None] = {}
    for one in pod["containers"][0]["env"]:
        if _OWN.match(one["name"]):
            resolved[one["name"]] = _resolve(instance, one, resolved)
    return resolved


def _resolve(instance: Instance, variable: dict[str, Any], before: dict[str, str | None]) -> str:
    if "valueFrom" in variable:
        source = variable["valueFrom"]["secretKeyRef"]
        secret = instance.server.get("secret", source["name"], namespace=instance.namespace)
        return base64.b64decode(secret["data"][source["key"]]).decode()
    return re.sub(r"\$\((\w+)\)", lambda found: str(before[found[1]]), variable["value"])


def ask(url: str, method: str, path: str, token: str | None, body: object = None) -> httpx.Response:
    """Return Weaviate's answer to who shows a token, or none."""
    headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
    return httpx.request(method, f"{url}/v1{path}", headers=headers, json=body, timeout=20)


def may(url: str, token: str | None) -> tuple[int, int]:
    """Return the statuses of a read and of a write."""
    thing = {"class": "Thing", "properties": {"text": "a dog"}, "vector": [1.0, 0.0]}
    read = ask(url, "GET", "/objects?class=Thing&limit=1", token).status_code
    return read, ask(url, "POST", "/objects", token, thing).status_code
