"""The check of Pod Security sees each thing that `restricted` refuses; a good pod has none."""

import copy
from typing import Any

import pytest

from support.podsecurity import violations

GOOD: dict[str, Any] = {
    "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
    "volumes": [{"name": "tmp", "emptyDir": {}}],
    "containers": [
        {
            "name": "a",
            "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        }
    ],
}


def test_a_good_pod_has_no_violation() -> None:
    assert violations(GOOD) == []


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("hostNetwork",), True, "hostNetwork"),
        (("securityContext", "runAsNonRoot"), False, "runAsNonRoot"),
        (("securityContext", "runAsUser"), 0, "runAsUser"),
        (("securityContext", "seccompProfile"), {"type": "Unconfined"}, "seccompProfile"),
        (("securityContext", "sysctls"), [{"name": "x", "value": "y"}], "sysctls"),
        (("volumes", 0), {"name": "h", "hostPath": {"path": "/"}}, "hostPath"),
        (("initContainers",), [{"name": "b"}], "b: allowPrivilegeEscalation"),
        (("containers", 0, "securityContext", "privileged"), True, "privileged"),
        (("containers", 0, "securityContext", "allowPrivilegeEscalation"), True, "allowPrivilegeEscalation"),
        (("containers", 0, "securityContext", "capabilities"), {}, "drop"),
        (("containers", 0, "securityContext", "capabilities", "add"), ["NET_ADMIN"], "add"),
        (("containers", 0, "ports"), [{"hostPort": 80}], "hostPort"),
    ],
)
def test_a_bad_pod_is_found(path: tuple[Any, ...], value: Any, message: str) -> None:
    spec: Any = copy.deepcopy(GOOD)
    node = spec
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    assert any(message in item for item in violations(spec)), violations(spec)
