"""Patches that break one rule each of what is customized and delivered; support.resources has the others."""

from typing import Any

Manifest = dict[str, Any]


def _pods(section: str) -> dict[str, Manifest]:
    volume = {"name": "mine", "emptyDir": {}}
    taken = {"inference": ("cache", "/cache/"), "weaviate": ("gate-tmp", "/var/lib/weaviate")}[section]

    def annotated(annotations: dict[str, str]) -> Manifest:
        return {"spec": {section: {"podAnnotations": annotations}}}

    def mounted(path: str, name: str = "mine") -> Manifest:
        mount = {"name": name, "mountPath": path}
        return {"spec": {section: {"extraVolumes": [volume], "extraVolumeMounts": [mount]}}}

    return {
        f"{section}-pod-annotations-keys": annotated({"a b": "c"}),
        f"{section}-pod-annotations-are-free": annotated({"checksum/gate": "c"}),
        f"{section}-pod-annotations-texts": annotated({"a": "\x7f"}),
        f"{section}-volume-names": {"spec": {section: {"extraVolumes": [volume, volume]}}},
        f"{section}-volumes-are-free": {
            "spec": {section: {"extraVolumes": [{"name": taken[0], "emptyDir": {}}]}}
        },
        f"{section}-mounts-have-a-volume": mounted("/mine", "other"),
        f"{section}-mount-paths": mounted("mine"),
        f"{section}-mounts-are-free": mounted(taken[1]),
    }


CUSTOMIZED: dict[str, Manifest] = {
    "common-labels-keys": {"spec": {"commonLabels": {"a b": "c"}}},
    "common-labels-are-free": {"spec": {"commonLabels": {"app.kubernetes.io/instance": "c"}}},
    "common-labels-values": {"spec": {"commonLabels": {"a": "b c"}}},
    "common-annotations-keys": {"spec": {"commonAnnotations": {"/a": "c"}}},
    "common-annotations-are-free": {"spec": {"commonAnnotations": {"helm.sh/resource-policy": "keep"}}},
    "common-annotations-texts": {"spec": {"commonAnnotations": {"a": "\x85"}}},
    **_pods("inference"),
    **_pods("weaviate"),
    "values-from-names": {"spec": {"valuesFrom": [{"kind": "ConfigMap", "name": "A b"}]}},
    "values-from-keys": {"spec": {"valuesFrom": [{"kind": "ConfigMap", "name": "a", "key": "a/b"}]}},
    "render-is-of-delivery-render": {"spec": {"render": {"output": "Manifests"}}},
    "secrets-are-not-rendered": {
        "spec": {"delivery": "Render", "valuesFrom": [{"kind": "Secret", "name": "a"}]}
    },
}
