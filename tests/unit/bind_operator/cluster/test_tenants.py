"""Tenants are counted and searched in by what Weaviate tells of them, those that are active alone."""

import re
from dataclasses import dataclass, field
from typing import Any

from bind_operator.cluster.restores import look_into
from bind_operator.cluster.weaviate_api import MAX_TENANTS, Weaviate
from bind_operator.policy.answers import Answer
from bind_operator.policy.restore import CheckedCollection


@dataclass(frozen=True)
class Told(Weaviate):
    """It answers as Weaviate of a collection with tenants, and one without."""

    tenants_told: Any = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    async def ask(self, method: str, path: str, body: object = None) -> Answer:
        self.asked.append(path)
        if path == "schema":
            shared = {"class": "Shared", "multiTenancyConfig": {"enabled": True}}
            return Answer("u", 200, {"classes": [{"class": "Things"}, shared]})
        if path == "schema/Shared/tenants":
            found = self.tenants_told
            return Answer("u", 200, found) if isinstance(found, list) else Answer("u", 403)
        if path.startswith("objects"):
            return Answer("u", 200, {"objects": [{"id": "i", "vector": [1.0]}]})
        text = body["query"]  # type: ignore[index]
        self.asked.append(text)
        if "Aggregate" in text:
            fields = re.findall(r'(\w+): (\w+)(?:\(tenant: "([^"]+)"\))?', text)
            counts = {alias: [{"meta": {"count": len(tenant) or 9}}] for alias, _, tenant in fields}
            return Answer("u", 200, {"data": {"Aggregate": counts}})
        near = [{"_additional": {"id": "i", "distance": 0.0}}]
        return Answer("u", 200, {"data": {"Get": {"Things": near, "Shared": near}}})


def weaviate(tenants: Any) -> Told:
    return Told("u", None, tenants)  # type: ignore[arg-type]


TENANTS = [
    {"name": "bbb", "activityStatus": "HOT"},
    {"name": "aa", "activityStatus": "ACTIVE"},
    {"name": "cold", "activityStatus": "COLD"},
    {"name": "gone", "activityStatus": "OFFLOADED"},
]


async def test_active_tenants_are_counted_beside_collections_without_any() -> None:
    assert await weaviate(TENANTS).count() == {"Things": 9, "Shared/aa": 2, "Shared/bbb": 3}
    assert await weaviate([]).count() == {"Things": 9}
    assert await weaviate(None).count() is None


async def test_of_many_the_first_are_counted() -> None:
    many = [{"name": f"t{number:04}", "activityStatus": "HOT"} for number in range(MAX_TENANTS + 5)]
    counts = await weaviate(many).count()
    assert counts is not None
    assert len(counts) == 1 + MAX_TENANTS
    assert f"Shared/t{MAX_TENANTS:04}" not in counts
    found = await weaviate(many).tenants("Shared")
    assert found is not None
    assert len(found.others) == 5


async def test_one_of_them_is_searched_in() -> None:
    told = weaviate(TENANTS)
    things, shared = sorted(await look_into(told) or [], key=lambda one: one.name, reverse=True)
    assert things == CheckedCollection("Things", 9, True)
    counted, others = {"Shared/aa": 2, "Shared/bbb": 3}, frozenset({"Shared/cold", "Shared/gone"})
    assert shared == CheckedCollection("Shared", None, True, counted, others)
    assert "objects?class=Shared&limit=1&include=vector&tenant=aa" in told.asked
    assert any('Shared(tenant: "aa", nearVector: {vector: [1.0]}' in one for one in told.asked)
    assert not any("cold" in one or "gone" in one for one in told.asked)


async def test_what_is_not_told_is_asked_again() -> None:
    assert await look_into(weaviate(None)) is None
