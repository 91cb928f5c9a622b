"""Quantities of Kubernetes are written as docker compose reads them."""

import re

from bind_operator.api.quantity import parse_quantity

_BINARY = re.compile(r"^([0-9]+)([KMGT])i$")


def compose_bytes(quantity: object) -> str:
    """Return a size: 12Gi is 12g there, where every unit is a power of two; another one is in bytes."""
    text = str(quantity)
    found = _BINARY.match(text)
    return f"{found[1]}{found[2].lower()}" if found else str(int(parse_quantity(text)))
