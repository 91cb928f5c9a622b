"""Kubernetes quantities are read as numbers here, so that they can be compared."""

from decimal import Decimal

_BINARY: dict[str, int] = {f"{prefix}i": 1024**power for power, prefix in enumerate("KMGTPE", start=1)}
_DECIMAL: dict[str, int] = {"k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15, "E": 10**18}


def parse_quantity(text: str) -> Decimal:
    """Return the number that a quantity such as `500m` or `2Gi` stands for.

    Raises decimal.InvalidOperation if it is none.
    """
    for suffix, factor in (_BINARY | _DECIMAL).items():
        if text.endswith(suffix):
            return Decimal(text.removesuffix(suffix)) * factor
    if text.endswith("m"):
        return Decimal(text.removesuffix("m")) / 1000
    return Decimal(text)
