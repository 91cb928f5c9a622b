"""The rules are evaluated here from the text that the API server has too, by Google's own CEL.

Kubernetes' function `quantity` is not part of CEL, so it is given here.
"""

import json
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any

from cel_expr_python import cel  # type: ignore[import-untyped]

from bind_operator.api.quantity import parse_quantity
from bind_operator.api.rules import RULES, Rule
from bind_operator.api.spec import BindVectorizer

MAX_KNOWN = 4096
_MAX_INT_DIGITS = 18


def broken_rules(resource: BindVectorizer) -> tuple[Rule, ...]:
    """Return the rules that `resource` breaks."""
    return _broken_rules(
        resource.model_dump_json(
            by_alias=True, exclude_none=True, include={"metadata": {"name"}, "spec": True}
        )
    )


def holds(rule: Rule, node: object) -> bool:
    """Return whether `rule` holds for `node`, the value at its place.

    As on the API server, a rule that cannot be evaluated does not hold.
    """
    return _program(rule.cel).eval(data={"self": node}).value() is True


# Resources at rest are parsed every few minutes. What was found is kept: it took a third of a millisecond,
# and cel-expr-python 0.1.3 leaks the arguments of each call of a Python function, 0.8 kB a resource.
@lru_cache(maxsize=MAX_KNOWN)
def _broken_rules(text: str) -> tuple[Rule, ...]:
    return broken_in(json.loads(text, parse_int=_read_int))


def broken_in(root: Mapping[str, Any]) -> tuple[Rule, ...]:
    """Return the rules that an object breaks, which is as the API server holds it: with its defaults."""
    nodes = ((rule, _node_at(root, rule.at)) for rule in RULES)
    return tuple(rule for rule, node in nodes if node is not None and not holds(rule, node))


@cache
def _program(text: str) -> Any:
    return _environment().compile(text)


@cache
def _environment() -> Any:
    text, number, anything = cel.Type.STRING, cel.Type.INT, cel.Type.DYN
    quantity = cel.Overload("quantity", return_type=text, parameters=[text], impl=str)
    compare = cel.Overload(
        "compare", return_type=number, parameters=[text, text], is_member=True, impl=_compare
    )
    return cel.NewEnv(
        variables={"self": anything},
        functions=[cel.FunctionDecl("quantity", [quantity]), cel.FunctionDecl("compareTo", [compare])],
    )


def _compare(one: str, other: str) -> int:
    """Return -1, 0 or 1, as one quantity is less than, equal to or more than the other."""
    left, right = parse_quantity(one), parse_quantity(other)
    return (left > right) - (left < right)


def _read_int(digits: str) -> float:
    """Return the number, as a float where 64 bits may not hold it, because CEL has no larger integers."""
    return int(digits) if len(digits) <= _MAX_INT_DIGITS else float(digits)


def _node_at(root: Mapping[str, Any], path: str) -> Any:
    """Return the value at `path`, None where a part is unset: there the API server evaluates no rule."""
    node: Any = root
    for name in filter(None, path.split(".")):
        node = node.get(name)
        if node is None:
            return None
    return node
