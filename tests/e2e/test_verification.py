"""The live check by the names of the cluster: Ready stands on a text and a picture that were embedded.

The resource says nothing of who may ask Weaviate, so all of this goes by keys that the operator made.
"""

import base64

import httpx

from bind_operator.policy.golden import GOLDEN
from support.connections import callers, ends_of
from support.story import Story
from support.waiting import until

NAME = "proven"
KEYS = f"{NAME}-weaviate-keys"
RECONCILE = "bindvectorizer.dev/reconcile"


def key_of(story: Story) -> str:
    """Return the key that the command in the status prints."""
    told = story.resource(NAME)["status"]["authentication"]
    assert f"get secret -n {story.namespace} {KEYS} -o jsonpath='{{.data.admin}}'" in told["keyCommand"]
    found = story.kubectl("get", "secret", KEYS, "-o", "jsonpath={.data.admin}")
    return base64.b64decode(found).decode()


def statuses(story: Story, *keys: str) -> list[int]:
    """Return what Weaviate says to who shows each key, and first to who shows none."""
    heads: list[dict[str, str]] = [{}, *({"Authorization": f"Bearer {key}"} for key in keys)]
    with story.kube.forward(story.namespace, f"svc/{NAME}-weaviate", 80) as port:
        url = f"http://127.0.0.1:{port}/v1/schema"
        return [httpx.get(url, headers=head, timeout=20).status_code for head in heads]


def test_ready_means_that_a_text_and_a_picture_were_embedded(story: Story) -> None:
    story.apply("resource.yaml")
    status = story.wait_ready(NAME)["status"]
    verified = story.condition(NAME, "Verified")
    assert (verified.status, verified.reason) == ("True", "Verified")
    assert "embeds a text and a picture through the gate with Tiny (32 dimensions)" in verified.message
    assert status["verifiedVectors"]["fingerprint"] in GOLDEN
    assert status["lastVerifiedTime"]


def test_weaviate_answers_who_has_the_key_and_the_server_only_the_gate(story: Story) -> None:
    assert statuses(story, "a-wrong-key-01234567", key_of(story)) == [401, 401, 200]
    with story.kube.forward(story.namespace, f"svc/{NAME}-inference", 8080) as port:
        asked = httpx.post(f"http://127.0.0.1:{port}/vectorize", json={"texts": ["a"]}, timeout=20)
    assert asked.status_code == 401


def test_pods_reach_the_ports_that_the_network_policy_names_them_for(story: Story) -> None:
    roles = {role: (story.namespace, {"role": role}) for role in ("client", "monitoring", "stranger")}
    by_role = callers(story.kube, roles)
    (weaviate,), (server,) = story.pods(NAME, "weaviate"), story.pods(NAME, "inference")
    ends = ends_of(weaviate) | {"vectors": ends_of(server)["http"]}
    assert by_role["stranger"].reaches(ends) == set()
    assert by_role["client"].reaches(ends) == {"http", "grpc"}
    # Nothing listens at the port of Weaviate's metrics here.
    assert by_role["monitoring"].reaches(ends) == {"gate-health", "large-health", "vectors"}


def test_keys_that_somebody_deleted_are_made_anew_and_verified(story: Story) -> None:
    old = key_of(story)
    (pod,) = story.pods(NAME, "weaviate")
    story.kubectl("delete", "secret", KEYS)
    story.kubectl("annotate", "--overwrite", "bv", NAME, f"{RECONCILE}=now")

    def replaced() -> bool:
        return [one["metadata"]["uid"] for one in story.pods(NAME, "weaviate")] not in (
            [],
            [pod["metadata"]["uid"]],
        )

    until(replaced, 60, "another pod of Weaviate is there")
    story.wait_ready(NAME)
    assert story.condition(NAME, "Verified").reason == "Verified"
    assert statuses(story, old, key_of(story)) == [401, 401, 200]


def test_the_keys_go_with_the_resource_and_its_volumes(story: Story) -> None:
    story.kubectl("delete", "bv", NAME, "--timeout=110s")
    for name in (KEYS, f"{NAME}-inference-keys"):
        story.wait_gone("secret", name)
