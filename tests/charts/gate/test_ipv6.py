"""The gate between a Weaviate and servers that have addresses of IPv6 alone."""

import httpx

from support.waiting import until

from .conftest import Gate


def test_servers_of_ipv6_are_found_and_asked(gate: Gate) -> None:
    gate.start("::1")
    answer = gate.post({"texts": ["a"]})
    assert answer.status_code == 200, answer.text
    assert answer.json()["server"] == "::1"


def test_servers_of_both_families_share_the_requests(gate: Gate) -> None:
    gate.start("::1", "127.0.0.2")

    def both() -> bool:
        return {gate.post({"delay_s": 0}).json()["server"] for _ in range(10)} == {"::1", "127.0.0.2"}

    until(both, 20, "both were asked")


def test_the_kubelet_and_the_operator_ask_by_either_family(gate: Gate) -> None:
    for host in ("127.0.0.1", "[::1]"):
        assert httpx.get(f"http://{host}:{gate.health_port}/healthz", timeout=5).status_code == 200
