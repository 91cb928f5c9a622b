"""Tenants through a backup and a restore with the real Weaviate: active, inactive, and each one's objects."""

import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from bind_local.programs.modules import WEAVIATES, Module
from integration.apiserver import ApiServer
from integration.data_world import Data, backup_now, backup_status, has_handled, installed, served, vector
from integration.instance import Instance
from integration.operator_process import OperatorProcess
from integration.weaviate_process import PROGRAM
from support.waiting import eventually, until

PLACE = {"filesystem": {"claimName": "backups"}}
OBJECTS = {"acme": 5, "b-1": 7, "dormant": 3}
WRITTEN_S = 12
"""Before 1.38 a backup lacks what was imported into a tenant's index in the seconds before it."""
NEW = WEAVIATES[1:]
"""1.35 restores under another name only what has no objects to read."""


def fill(data: Data) -> None:
    """Make a collection with tenants, one of which is put to rest."""
    data.post(
        "schema",
        {
            "class": "Shared",
            "vectorizer": "none",
            "multiTenancyConfig": {"enabled": True},
            "properties": [{"name": "number", "dataType": ["int"]}],
        },
    )
    data.post("schema/Shared/tenants", [{"name": name} for name in (*OBJECTS, "empty")])
    for tenant, count in OBJECTS.items():
        objects = [
            {"class": "Shared", "tenant": tenant, "properties": {"number": n}, "vector": vector(n)}
            for n in range(count)
        ]
        done = data.post("batch/objects", {"objects": objects})
        assert all(one["result"].get("status") == "SUCCESS" for one in done)
    set_activity(data, "dormant", "INACTIVE")


def set_activity(data: Data, tenant: str, status: str) -> None:
    body = [{"name": tenant, "activityStatus": status}]
    httpx.put(f"{data.url}/v1/schema/Shared/tenants", json=body, timeout=30).raise_for_status()


def count(data: Data, tenant: str) -> int:
    query = f'{{ Aggregate {{ Shared(tenant: "{tenant}") {{ meta {{ count }} }} }} }}'
    found: Any = data.post("graphql", {"query": query})["data"]["Aggregate"]["Shared"]
    return int(found[0]["meta"]["count"])


@pytest.mark.parametrize("module", NEW, ids=lambda module: module.version())
def test_each_active_tenant_is_held_to_what_it_had_and_one_is_searched_in(
    operator: OperatorProcess, apiserver: ApiServer, instance: Instance, tmp_path: Path, module: Module
) -> None:
    place = tmp_path / "backups"
    place.mkdir()
    environment: dict[str, str | None] = {
        "ENABLE_MODULES": "multi2vec-bind,backup-filesystem",
        "BACKUP_FILESYSTEM_PATH": str(place),
    }
    program, version = f"{module.name}/{PROGRAM}", {"version": module.version()}
    installed(instance, {"backup": PLACE} | version)
    with served(instance, tmp_path / "first", environment, program) as data:
        fill(data)
        if module is not WEAVIATES[-1]:
            time.sleep(WRITTEN_S)
        backup_now(instance, "1")
        eventually("backed up", lambda: has_handled(instance, "1"), within_s=60)
        counted = {"Shared/acme": 5, "Shared/b-1": 7, "Shared/empty": 0}
        assert backup_status(instance)["lastSuccess"]["objects"] == counted
    again = Instance(apiserver, "again", instance.namespace)
    installed(again, {"backup": PLACE, "restoreFrom": {"name": "search"}} | version)
    with served(again, tmp_path / "second", environment, program) as data:
        restored = ("True", "Restored")
        until(lambda: again.condition("Restored") == restored, 90, lambda: again.message("Restored"))
        assert again.status()["restore"]["objects"] == counted
        message = again.message("Restored")
        assert "12 objects in 1 collections, as many as when the backup was made; in 1 of them" in message
        assert "1 tenants were not counted" in message
        # What was inactive is in the backup all the same.
        set_activity(data, "dormant", "ACTIVE")
        assert count(data, "dormant") == OBJECTS["dormant"]
