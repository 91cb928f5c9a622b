"""Secrets with keys are made once each, and by nothing but their creation."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from bind_operator.cluster.key_secrets import KeySecrets
from bind_operator.errors import ApiConflict, ApiRefused, ApiUnavailable
from bind_operator.policy.facts import Key
from bind_operator.policy.keys import inference_keys, weaviate_keys

KEY = Key("demo", "t")


@dataclass
class FakeApi:
    """It holds objects by their paths, as an API server that lets nobody read a Secret."""

    objects: dict[str, Any] = field(default_factory=dict)
    made: int = 0
    forbids: bool = False
    dies: bool = False
    """The next Secret is not made, and whoever asks does not know that."""

    async def read(self, path: str) -> Any:
        assert "/secrets" not in path
        return self.objects.get(path)

    async def create(self, path: str, body: Any, *, dry_run: bool = False) -> Any:
        if self.forbids and path.endswith("/secrets"):
            raise ApiRefused("secrets is forbidden")
        place = f"{path}/{body['metadata']['name']}"
        if place in self.objects:
            raise ApiConflict("exists")
        if dry_run:
            return body
        if self.dies and path.endswith("/secrets"):
            self.dies = False
            raise ApiUnavailable("no answer")
        self.made += 1
        metadata = body["metadata"] | {"uid": f"{self.made}-uid"}
        self.objects[place] = body | {"metadata": metadata}
        return self.objects[place]

    async def patch(self, path: str, body: Any) -> Any:
        self.objects[path]["metadata"]["annotations"] = body["metadata"]["annotations"]
        return self.objects[path]

    async def delete(self, path: str, options: Any = None) -> None:
        del self.objects[path]


SECRET = "/api/v1/namespaces/demo/secrets/t-weaviate-keys"  # noqa: S105  (a path)
KEEPER = "/api/v1/namespaces/demo/configmaps/t-weaviate-keys"


async def test_it_is_made_once_and_never_written_again() -> None:
    api = FakeApi()
    secrets = KeySecrets(api)  # type: ignore[arg-type]
    assert await secrets.ensure(KEY, "t-weaviate-keys", {"admin": "one"}) == "2-uid"
    assert await secrets.ensure(KEY, "t-weaviate-keys", {"admin": "two"}) is None
    assert api.objects[SECRET]["stringData"] == {"admin": "one"}


async def test_one_that_somebody_deleted_is_made_anew_and_is_another() -> None:
    api = FakeApi()
    secrets = KeySecrets(api)  # type: ignore[arg-type]
    first = await secrets.ensure(KEY, "t-weaviate-keys", {"admin": "one"})
    del api.objects[SECRET]
    again = await secrets.ensure(KEY, "t-weaviate-keys", {"admin": "two"})
    assert again not in (None, first)


async def test_one_made_anew_is_known_to_whoever_comes_after_an_end_in_between() -> None:
    api = FakeApi()
    secrets = KeySecrets(api)  # type: ignore[arg-type]
    told = str(await secrets.ensure(KEY, "t-weaviate-keys", {"admin": "one"}))
    assert await secrets.renew(KEY, "t-weaviate-keys", {"admin": "x"}, "b", told) is None
    del api.objects[SECRET]
    api.dies = True
    with pytest.raises(ApiUnavailable):
        await secrets.renew(KEY, "t-weaviate-keys", {"admin": "two"}, "b", told)
    assert await secrets.renew(KEY, "t-weaviate-keys", {"admin": "three"}, "c", told) == "c"
    # Nobody has written that down: the next one finds it, and once it is told nothing is new.
    assert await secrets.renew(KEY, "t-weaviate-keys", {"admin": "four"}, "d", told) == "c"
    assert await secrets.renew(KEY, "t-weaviate-keys", {"admin": "four"}, "d", "c") is None
    assert api.objects[SECRET]["stringData"] == {"admin": "three"}


async def test_its_owner_is_a_config_map_that_takes_it_along() -> None:
    api = FakeApi()
    secrets = KeySecrets(api)  # type: ignore[arg-type]
    await secrets.ensure(KEY, "t-weaviate-keys", {"admin": "one"})
    (owner,) = api.objects[SECRET]["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"]) == ("ConfigMap", api.objects[KEEPER]["metadata"]["uid"])
    assert await secrets.is_kept(KEY, "t-weaviate-keys")
    assert await secrets.remove(KEY, "t-weaviate-keys")
    assert KEEPER not in api.objects
    assert not await secrets.remove(KEY, "t-weaviate-keys")


async def test_nothing_is_made_under_an_owner_that_goes() -> None:
    api = FakeApi()
    secrets = KeySecrets(api)  # type: ignore[arg-type]
    api.objects[KEEPER] = {"metadata": {"uid": "x", "deletionTimestamp": "now"}}
    with pytest.raises(ApiConflict):
        await secrets.ensure(KEY, "t-weaviate-keys", {})
    assert SECRET not in api.objects


def test_each_entry_has_a_key_of_its_own_and_gate_and_server_share_theirs() -> None:
    tokens = iter("abc")
    assert weaviate_keys(lambda: next(tokens), ("admin", "read-only")) == {"admin": "a", "read-only": "b"}
    assert inference_keys(lambda: next(tokens), ("server", "gate")) == {"server": "c", "gate": "c"}
