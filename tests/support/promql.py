"""Reads PromQL by a parser: which metrics it asks for, and which labels it names."""

import re
from dataclasses import dataclass, field
from typing import Any

import promql_parser

# Grafana puts these in before Prometheus sees the query.
GRAFANA = re.compile(r"\$__rate_interval")


@dataclass
class Asked:
    """The names of metrics in an expression, and the labels by which it matches, groups and joins."""

    metrics: set[str] = field(default_factory=set)
    labels: set[str] = field(default_factory=set)


def asked(expression: str) -> Asked:
    """Return what `expression` asks for. Raises ValueError where it is no PromQL."""
    found = Asked()
    _walk(promql_parser.parse(GRAFANA.sub("5m", expression)), found)
    return found


def _walk(node: Any, found: Asked) -> None:
    match node:
        case promql_parser.VectorSelector():
            found.metrics.add(str(node.name))
            found.labels.update(matcher.name for matcher in node.matchers.matchers)
        case promql_parser.AggregateExpr():
            found.labels.update(node.modifier.labels if node.modifier else [])
            _walk(node.expr, found)
        case promql_parser.BinaryExpr():
            if node.modifier and node.modifier.matching:
                found.labels.update(node.modifier.matching.labels)
            _walk(node.lhs, found)
            _walk(node.rhs, found)
        case promql_parser.Call():
            for argument in node.args:
                _walk(argument, found)
        case promql_parser.MatrixSelector():
            _walk(node.vector_selector, found)
        case promql_parser.SubqueryExpr() | promql_parser.ParenExpr() | promql_parser.UnaryExpr():
            _walk(node.expr, found)
        case promql_parser.NumberLiteral() | promql_parser.StringLiteral():
            pass
        case _:
            raise AssertionError(f"a kind of expression that is not known here: {node!r}")
