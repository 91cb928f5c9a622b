"""The objects of `spec.valuesFrom`, as they are read and polled."""

import base64
from typing import Any

import pytest

from bind_operator.api.delivery import SourceKind, ValuesSource
from bind_operator.cluster.value_sources import ValueSources
from bind_operator.errors import ApiRefused, ApiUnavailable, InvalidValues, ValuesSourceMissing
from bind_operator.policy.facts import Key
from bind_operator.release.storage import HelmDriver

KEY = Key("space", "shop")
CONFIG_MAP = ValuesSource(kind=SourceKind.CONFIG_MAP, name="team")
SECRET = ValuesSource(kind=SourceKind.SECRET, name="team")
PATH = "/api/v1/namespaces/space/configmaps/team"


class FakeClient:
    def __init__(self) -> None:
        self.objects: dict[str, Any] = {}
        self.error: Exception | None = None

    async def read(self, path: str) -> Any:
        if self.error:
            raise self.error
        return self.objects.get(path)

    def put(self, path: str, version: str, **data: str) -> None:
        self.objects[path] = {"metadata": {"resourceVersion": version}, "data": data}


@pytest.fixture
def client() -> FakeClient:
    return FakeClient()


def sources_of(
    client: FakeClient, driver: HelmDriver = HelmDriver.CONFIG_MAP
) -> tuple[ValueSources, list[Key]]:
    changed: list[Key] = []
    return ValueSources(client, driver, 1.0, changed.append), changed  # type: ignore[arg-type]


async def test_a_config_map_becomes_a_layer(client: FakeClient) -> None:
    client.put(PATH, "1", **{"values.yaml": "gate: {retries: 3}"})
    (layer,) = await sources_of(client)[0].read(KEY, [CONFIG_MAP])
    assert layer.values == {"gate": {"retries": 3}}
    assert layer.place == "spec.valuesFrom[0] (ConfigMap team, key values.yaml)"


async def test_a_secret_is_read_only_where_helms_records_are_secrets(client: FakeClient) -> None:
    encoded = base64.b64encode(b"gate: {retries: 3}").decode()
    client.put(PATH.replace("configmaps", "secrets"), "1", **{"values.yaml": encoded})
    (layer,) = await sources_of(client, HelmDriver.SECRET)[0].read(KEY, [SECRET])
    assert (layer.values, layer.is_secret) == ({"gate": {"retries": 3}}, True)
    for driver in (HelmDriver.CONFIG_MAP, HelmDriver.MIGRATE):
        with pytest.raises(InvalidValues, match=r"who runs the operator sets helm\.driver: Secret"):
            await sources_of(client, driver)[0].read(KEY, [SECRET])


async def test_bytes_that_are_no_text_are_refused_without_showing_them(client: FakeClient) -> None:
    client.put(
        PATH.replace("configmaps", "secrets"), "1", **{"values.yaml": base64.b64encode(b"\xff").decode()}
    )
    with pytest.raises(InvalidValues, match=r"is no text in UTF-8; write"):
        await sources_of(client, HelmDriver.SECRET)[0].read(KEY, [SECRET])


async def test_what_is_missing_is_named_with_the_remedy(client: FakeClient) -> None:
    sources, _ = sources_of(client)
    with pytest.raises(ValuesSourceMissing, match=r"is not in namespace space; create it, or set optional"):
        await sources.read(KEY, [CONFIG_MAP])
    client.put(PATH, "1", other="")
    with pytest.raises(ValuesSourceMissing, match=r"has no such key, but other; set key"):
        await sources.read(KEY, [CONFIG_MAP])
    client.error = ApiRefused("403: no")
    with pytest.raises(ValuesSourceMissing, match=r"cannot be read: 403: no"):
        await sources.read(KEY, [CONFIG_MAP])
    client.error = ApiUnavailable("gone")
    with pytest.raises(ApiUnavailable):
        await sources.read(KEY, [CONFIG_MAP])


async def test_an_optional_one_may_be_missing(client: FakeClient) -> None:
    sources, _ = sources_of(client)
    optional = CONFIG_MAP.model_copy(update={"optional": True})
    assert await sources.read(KEY, [optional]) == ()
    client.put(PATH, "1", other="")
    assert await sources.read(KEY, [optional]) == ()


async def test_a_change_is_noticed_once_also_of_one_that_was_missing(client: FakeClient) -> None:
    sources, changed = sources_of(client)
    with pytest.raises(ValuesSourceMissing):
        await sources.read(KEY, [CONFIG_MAP])
    await sources.look()
    assert changed == []
    client.put(PATH, "1", **{"values.yaml": ""})
    await sources.look()
    await sources.look()
    assert changed == [KEY]
    await sources.read(KEY, [CONFIG_MAP])
    client.put(PATH, "2", **{"values.yaml": ""})
    client.error = ApiUnavailable("gone")
    await sources.look()
    assert changed == [KEY]
    client.error = None
    await sources.look()
    assert changed == [KEY, KEY]


async def test_what_is_forgotten_or_names_none_is_not_polled(client: FakeClient) -> None:
    sources, changed = sources_of(client)
    client.put(PATH, "1", **{"values.yaml": ""})
    for forget in (lambda: sources.forget(KEY), None):
        await sources.read(KEY, [CONFIG_MAP])
        if forget:
            forget()
        else:
            await sources.read(KEY, [])
        client.put(PATH, "2", **{"values.yaml": ""})
        await sources.look()
    assert changed == []
