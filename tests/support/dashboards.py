"""A Grafana dashboard's panels lie on a grid that is 24 wide."""

from typing import Any


def check_places(panels: list[dict[str, Any]]) -> None:
    """Fail where panels lie over each other or beyond the edge, or have one id."""
    taken = set()
    for panel in panels:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert (x, y) not in taken, panel["title"]
                taken.add((x, y))
    ids = [panel["id"] for panel in panels]
    assert len(ids) == len(set(ids))
