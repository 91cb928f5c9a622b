"""What the server runs on: claims of devices in place of a count of GPUs, and the sizes of its batches."""

import json
from typing import Any

from support.charts import containers, env, pick, render

BIND = "modules.multi2vec-bind"
TINY = ("--set", f"{BIND}.model.name=Tiny")
CUDA = ("--set", f"{BIND}.envconfig.enable_cuda=true")
CLAIMS = [
    {"name": "gpu", "resourceClaimTemplateName": "one-gpu", "request": "card"},
    {"name": "link", "resourceClaimName": "shared"},
]
CLAIMED = ("--set-json", f"{BIND}.gpu.resourceClaims={json.dumps(CLAIMS)}")


def _pod(*arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = pick(render("weaviate-bind", *TINY, *arguments), "Deployment")["spec"]
    pod: dict[str, Any] = found["template"]["spec"]
    return pod


def test_claims_of_devices_are_the_pods_in_place_of_a_gpu() -> None:
    pod = _pod(*CUDA, *CLAIMED)
    assert pod["resourceClaims"] == [
        {"name": "gpu", "resourceClaimTemplateName": "one-gpu"},
        {"name": "link", "resourceClaimName": "shared"},
    ]
    resources = containers(pod)["inference"]["resources"]
    assert resources["claims"] == [{"name": "gpu", "request": "card"}, {"name": "link"}]
    assert resources["limits"] == {"memory": "12Gi"}
    assert env(containers(pod)["inference"])["ENABLE_CUDA"] == "1"


def test_a_server_on_a_cpu_claims_nothing() -> None:
    pod = _pod(*CLAIMED)
    assert "resourceClaims" not in pod
    assert "claims" not in containers(pod)["inference"]["resources"]


def test_without_claims_a_gpu_is_asked_for() -> None:
    assert containers(_pod(*CUDA))["inference"]["resources"]["limits"]["nvidia.com/gpu"] == 1


def test_sizes_of_batches_are_the_servers_settings() -> None:
    # As numbers of a values file, which Helm reads as floats.
    sizes = ("--set-json", f'{BIND}.batching={{"maxBatchSize":64,"maxBatchGflop":1000000}}')
    found = env(containers(_pod(*sizes))["inference"])
    assert (found["BIND_MAX_BATCH_SIZE"], found["BIND_MAX_BATCH_GFLOP"]) == ("64", "1000000")
    assert not {name for name in env(containers(_pod())["inference"]) if "BATCH" in name}


def test_a_variable_of_ones_own_goes_before() -> None:
    own = ("--set-json", f'{BIND}.extraEnv=[{{"name":"BIND_MAX_BATCH_SIZE","value":"8"}}]')
    found = env(containers(_pod("--set", f"{BIND}.batching.maxBatchSize=64", *own))["inference"])
    assert found["BIND_MAX_BATCH_SIZE"] == "8"
