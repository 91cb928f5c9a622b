"""A resource whose Weaviate is the real one, at the address of its Service: for stories about its data."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from integration.instance import Instance
from integration.weaviate_process import PROGRAM, PlayedInference, is_ready, started_weaviate
from support.http_server import listening
from support.resources import Manifest
from support.waiting import eventually, until

START_S = 60
OBJECTS = 200
DIMENSIONS = 8
NOW = "bindvectorizer.dev/backup-now"


@dataclass(frozen=True)
class Data:
    """It fills a Weaviate, and looks into it."""

    url: str
    key: str = ""
    """It shows this API key; empty: none."""

    @property
    def headers(self) -> dict[str, str]:
        """By them Weaviate knows who asks."""
        return {"Authorization": f"Bearer {self.key}"} if self.key else {}

    def post(self, path: str, body: Any) -> Any:
        """Send `body` and return the answer."""
        answer = httpx.post(f"{self.url}/v1/{path}", json=body, timeout=60, headers=self.headers)
        return answer.raise_for_status().json()

    def fill(self, *collections: str) -> None:
        """Make these collections, each with objects whose vectors are given."""
        for name in collections:
            properties = [{"name": "number", "dataType": ["int"]}]
            self.post("schema", {"class": name, "vectorizer": "none", "properties": properties})
            objects = [
                {"class": name, "properties": {"number": number}, "vector": vector(number)}
                for number in range(OBJECTS)
            ]
            done = self.post("batch/objects", {"objects": objects})
            assert all(one["result"].get("status") == "SUCCESS" for one in done)

    def counts(self) -> dict[str, int]:
        """Return the number of objects by collection."""
        classes = httpx.get(f"{self.url}/v1/schema", timeout=20, headers=self.headers).json()["classes"]
        names = [one["class"] for one in classes]
        if not names:
            return {}
        parts = " ".join(f"{name} {{ meta {{ count }} }}" for name in names)
        found = self.post("graphql", {"query": f"{{ Aggregate {{ {parts} }} }}"})["data"]["Aggregate"]
        return {name: found[name][0]["meta"]["count"] for name in names}

    def nearest(self, collection: str, number: int) -> list[int]:
        """Return the five objects that are nearest to the vector of an object."""
        near = f"nearVector: {{vector: {vector(number)}}}, limit: 5"
        query = f"{{ Get {{ {collection}({near}) {{ number }} }} }}"
        found = self.post("graphql", {"query": query})["data"]["Get"][collection]
        return [one["number"] for one in found]


def vector(number: int) -> list[float]:
    """Return a vector that no other number has."""
    return [round(((number * 37 + place * 101) % 199) / 199 + place / 7, 6) for place in range(DIMENSIONS)]


def installed(instance: Instance, weaviate: Manifest) -> None:
    """Apply a resource with `spec.weaviate`, and wait for its release."""
    instance.apply({"spec": {"weaviate": {"authentication": {"anonymousAccess": True}} | weaviate}})
    eventually("released", lambda: instance.condition("Released") == ("True", "Deployed"), within_s=30)


@contextlib.contextmanager
def served(
    instance: Instance, folder: Path, more: Mapping[str, str | None], program: str = PROGRAM
) -> Iterator[Data]:
    """Run the real Weaviate of an installed resource, its files in `folder`; all pods then count as ready.

    more: its environment, as the chart would have it. program: of another version.
    """
    folder.mkdir(parents=True, exist_ok=True)
    service = instance.get("service", "-weaviate")["spec"]
    at = service["clusterIP"], service["ports"][0]["port"]
    environment = {"CLUSTER_HOSTNAME": f"{instance.name}-weaviate-0"} | dict(more)
    with (
        listening(PlayedInference) as inference,
        started_weaviate(folder, inference, program, more=environment, at=at) as (address, _),
    ):
        until(lambda: is_ready(address), START_S, "Weaviate is ready")
        instance.roll_out()
        yield Data(f"http://{address}")


def backup_now(instance: Instance, value: str) -> None:
    """Ask for a backup as a person does."""
    instance.kubectl("annotate", "--overwrite", "bv", instance.name, f"{NOW}={value}")


def backup_status(instance: Instance) -> dict[str, Any]:
    """Return what the status says of backups."""
    found: dict[str, Any] = instance.status().get("backup", {})
    return found


def has_handled(instance: Instance, value: str) -> bool:
    """Say whether the backup that `value` asked for has come to an end."""
    status = backup_status(instance)
    return status.get("lastHandledRequest") == value and "running" not in status
