"""The rendered roles of the operator's chart become a page: each rule with the comment above it."""

from collections.abc import Iterator
from typing import Any

import yaml

from bind_operator.docs.chart_values import UnclearValue

ROLES = ("ClusterRole", "Role")
INTRODUCTION = """# Rights

What the operator and the Helm that it runs may do, and what users get, as the chart [bind-operator](chart-bind-operator.md) installs it without further values. Each rule comes from a template of the chart, and what it is for from the comment above it. Tests hold that nothing else is used and that nothing is granted in vain: [of the chart](../../tests/charts/bind_operator/test_rights.py), and [by the audit log of a real API server](../../tests/integration/test_rights.py).

- `watchNamespaces` gives the same rules by a Role in each of these namespaces, and a small ClusterRole that lets a resource go with its namespace (`rbac.finalize`). With `crds.enabled=false`, `rbac.aggregateRoles=false` and `rbac.finalize=false` the chart makes no object of the whole cluster.
- `helm.driver: Secret` needs get, list, create, update and delete of `secrets` in place of list and update of `configmaps`; `Migrate` needs list and delete of `secrets` beside them. Without either, the only right on `secrets` is to create them, and to read one in the operator's own namespace: [why that suffices](../decisions/authentication.md).
- RBAC cannot limit `create` or `list` by name, nor by label. So the right to make ConfigMaps, Services, claims and workloads holds for all of a namespace, and whoever may make workloads there may mount its Secrets.
"""  # noqa: E501  (a paragraph is one line)


def build_rights_reference(manifest: str) -> str:
    """Return the page of the roles in `manifest`, which Helm rendered, in Markdown.

    Raises UnclearValue, naming the rule, where no comment says what it is for.
    """
    parts = [INTRODUCTION]
    for document in manifest.split("\n---\n"):
        role = yaml.safe_load(document)
        if role and role["kind"] in ROLES:
            parts.append("\n".join(_section(role, document)) + "\n")
    return "\n".join(parts).rstrip("\n")


def _section(role: dict[str, Any], text: str) -> Iterator[str]:
    metadata = role["metadata"]
    where = f" in namespace `{metadata['namespace']}`" if role["kind"] == "Role" else ""
    yield f"## {role['kind']} `{metadata['name']}`{where}\n"
    yield "| group | resources | verbs | for |"
    yield "| --- | --- | --- | --- |"
    head, _, rules = text.partition("\nrules:")
    comments = [line[2:] for line in head.splitlines() if line.startswith("# ") and "Source: " not in line]
    why = " ".join(comments)
    block: list[str] = []
    comment: list[str] = []
    for line in [*rules.splitlines(), "- "]:
        words = line.strip()
        if words.startswith("- ") or words == "-":
            if block:
                yield _row(block, why)
            block = [words]
            why = " ".join(comment) or why
            comment = []
        elif words.startswith("# "):
            if block:
                yield _row(block, why)
                block = []
            comment.append(words[2:])
        elif words and block:
            block.append(f"  {words}")


def _row(block: list[str], why: str) -> str:
    (rule,) = yaml.safe_load("\n".join(block))
    if not why:
        raise UnclearValue(f"the rule {rule} has no comment above it: say what it is for")
    group = ", ".join(f"`{name}`" if name else "core" for name in rule["apiGroups"])
    return f"| {group} | {', '.join(rule['resources'])} | {', '.join(rule['verbs'])} | {why} |"
