"""Quantities as numbers."""

import decimal

import pytest

from bind_operator.api.quantity import parse_quantity


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", "0"),
        ("2", "2"),
        ("1.5", "1.5"),
        ("500m", "0.5"),
        ("1k", "1000"),
        ("2M", "2000000"),
        ("1Ki", "1024"),
        ("3Gi", "3221225472"),
        ("1.5Gi", "1610612736"),
        ("1Ei", "1152921504606846976"),
    ],
)
def test_quantity(text: str, number: str) -> None:
    assert parse_quantity(text) == decimal.Decimal(number)


@pytest.mark.parametrize("text", ["", "Gi", "big"])
def test_no_quantity(text: str) -> None:
    with pytest.raises(decimal.InvalidOperation):
        parse_quantity(text)
