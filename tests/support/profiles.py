"""The hardware profiles of the operator's chart, as the operator reads them."""

import functools

import yaml

from bind_operator.policy.profiles import ProfileBook, read_book
from support.values import values


@functools.cache
def shipped_profiles() -> ProfileBook:
    """Return the profiles that the chart ships."""
    return read_book({name: yaml.safe_dump(one) for name, one in values("bind-operator")["profiles"].items()})
