"""The page of rights: each rule has the words above it, and a rule without any is refused."""

import pytest

from bind_operator.docs.chart_values import UnclearValue
from bind_operator.docs.rights import build_rights_reference

ROLE = """---
# Source: templates/role.yaml
kind: Role
metadata:
  name: a
  namespace: b
rules:
  # To see it.
  - apiGroups: [""]
    resources: [pods]
    verbs: [list, watch]
  - apiGroups: [apps]
    resources: [deployments, statefulsets]
    verbs: [get]
  # To change it,
  # and why.
  - apiGroups: [policy]
    resources: [poddisruptionbudgets]
    verbs: [patch]
---
kind: Service
"""


def test_a_rule_has_the_comment_above_it_or_above_those_before_it() -> None:
    page = build_rights_reference(ROLE)
    assert "## Role `a` in namespace `b`" in page
    assert [line for line in page.splitlines() if line.startswith("| ")][2:] == [
        "| core | pods | list, watch | To see it. |",
        "| `apps` | deployments, statefulsets | get | To see it. |",
        "| `policy` | poddisruptionbudgets | patch | To change it, and why. |",
    ]


def test_a_rule_without_a_word_is_refused() -> None:
    with pytest.raises(UnclearValue, match=r"pods.*has no comment above it"):
        build_rights_reference(ROLE.replace("  # To see it.\n", ""))
