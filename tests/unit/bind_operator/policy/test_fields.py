"""Paths of fields, where objects differ, and who wrote what."""

from typing import Any

import pytest

from bind_operator.policy.fields import (
    MISSING,
    Item,
    Path,
    build_pointer,
    describe_path,
    find_additions,
    find_differences,
    is_covered,
    matches_pointer,
    value_at,
    with_value,
    writer_of,
)

ENV: Path = ("spec", "containers", Item(1, "gate"), "env", Item(0, "HOME"), "value")


def test_a_path_reads_as_kubectl_explain_does_and_names_items() -> None:
    assert describe_path(ENV) == "spec.containers[gate].env[HOME].value"
    assert describe_path(("metadata", "labels", "app.kubernetes.io/name")) == (
        "metadata.labels[app.kubernetes.io/name]"
    )
    assert describe_path(("spec", "ports", Item(2))) == "spec.ports[2]"
    assert describe_path(()) == "the object"


def test_a_pointer_has_indexes_and_escapes() -> None:
    assert build_pointer(ENV) == "/spec/containers/1/env/0/value"
    assert build_pointer(("metadata", "labels", "a/b~c")) == "/metadata/labels/a~1b~0c"


@pytest.mark.parametrize(
    ("pointer", "matches"),
    [
        ("", True),
        ("/spec", True),
        ("/spec/containers/1/env/0/value", True),
        ("/spec/containers/gate/env/HOME", True),
        ("/spec/*/*/env/HOME", True),
        ("/spec/containers/0", False),
        ("/spec/containers/gate/env/HOME/value/x", False),
        ("/specs", False),
    ],
)
def test_a_rule_covers_its_field_and_all_below(pointer: str, matches: bool) -> None:
    assert matches_pointer(ENV, pointer) is matches


COVERED: dict[str, tuple[Any, Any, bool]] = {
    "more is there than wanted": ({"a": 1}, {"a": 1, "b": 2}, True),
    "another value": ({"a": 1}, {"a": 2}, False),
    "a field is gone": ({"a": 1}, {}, False),
    "null asks for nothing": ({"a": None}, {}, True),
    "an empty map asks for nothing": ({"a": {}}, {}, True),
    "an empty volume": ({"emptyDir": {}}, {"emptyDir": {}}, True),
    "named items in another order, and one more": (
        [{"name": "a", "v": 1}, {"name": "b"}],
        [{"name": "c"}, {"name": "b"}, {"name": "a", "v": 1}],
        True,
    ),
    "a named item is gone": ([{"name": "a"}], [{"name": "b"}], False),
    "items without names are compared by their place": ([1, 2], [2, 1], False),
    "another text for the same quantity": ({"cpu": "1000m"}, {"cpu": "1"}, False),
    "true is not 1": ({"a": True}, {"a": 1}, False),
    "a text is not a number": ({"a": "1"}, {"a": 1}, False),
}


@pytest.mark.parametrize(("wanted", "found", "covered"), COVERED.values(), ids=COVERED)
def test_covered(wanted: Any, found: Any, covered: bool) -> None:
    assert is_covered(wanted, found) is covered


def differences(found: Any, expected: Any, wanted: Any) -> list[str]:
    return [describe_path(path) for path in find_differences(found, expected, wanted)]


def test_only_what_is_wanted_differs() -> None:
    found = {"a": 1, "b": 1, "c": {"d": 1, "e": 1}}
    expected = {"a": 2, "b": 2, "c": {"d": 2, "e": 2}}
    assert differences(found, expected, {"a": 2, "c": {"d": 2}}) == ["a", "c.d"]


def test_items_are_compared_by_name_and_one_that_is_gone_is_named() -> None:
    found = {"env": [{"name": "X", "value": "1"}, {"name": "A", "value": "1"}]}
    expected = {
        "env": [{"name": "X", "value": "1"}, {"name": "A", "value": "2"}, {"name": "B", "value": "1"}]
    }
    wanted = {"env": [{"name": "A", "value": "2"}, {"name": "B", "value": "1"}]}
    assert differences(found, expected, wanted) == ["env[A].value", "env[B]"]


def test_a_list_without_names_differs_as_a_whole_where_its_length_does() -> None:
    assert differences({"args": ["a"]}, {"args": ["a", "b"]}, {"args": ["a", "b"]}) == ["args"]
    assert differences({"args": ["a"]}, {"args": ["b"]}, {"args": ["b"]}) == ["args[0]"]


def test_a_value_is_kept_where_it_stands() -> None:
    item = {"spec": {"env": [{"name": "A", "value": "1"}], "replicas": 1}}
    assert with_value(item, ("spec", "replicas"), 3)["spec"]["replicas"] == 3
    path: Path = ("spec", "env", Item(5, "A"), "value")
    assert value_at(with_value(item, path, "2"), path) == "2"
    assert with_value(item, ("spec", "env", Item(0, "A")), MISSING)["spec"]["env"] == []
    assert with_value(item, ("metadata", "x"), 1) == item
    assert item["spec"]["replicas"] == 1


def entry(manager: str, fields: Any, *, operation: str = "Update", time: str = "1") -> dict[str, Any]:
    return {"manager": manager, "operation": operation, "time": time, "fieldsV1": fields}


def deployment(env: list[dict[str, str]], *entries: dict[str, Any], **pod: Any) -> dict[str, Any]:
    spec = {"containers": [{"name": "inference", "env": env}], **pod}
    return {"metadata": {"managedFields": list(entries)}, "spec": {"template": {"spec": spec}}}


def below_env(fields: Any) -> Any:
    """Return the fields of the one container's environment as managedFields have them."""
    container = {"f:containers": {'k:{"name":"inference"}': {"f:env": fields}}}
    return {"f:spec": {"f:template": {"f:spec": container}}}


A = {"name": "A", "value": "1"}
ADDED = below_env({'k:{"name":"B"}': {".": {}, "f:name": {}, "f:value": {}}})


def test_the_last_writer_of_a_field_is_named() -> None:
    fields = below_env({'k:{"name":"A"}': {"f:value": {}}})
    item = deployment([A], entry("helm", fields), entry("kubectl-set", fields, time="2"))
    path = ("spec", "template", "spec", "containers", Item(0, "inference"), "env", Item(0, "A"), "value")
    assert writer_of(item, path) == "kubectl-set"
    assert writer_of(item, ("spec", "replicas")) == ""


def additions(item: Any, wanted: Any) -> list[str]:
    return [describe_path(path) for path in find_additions(item, wanted)]


def test_what_a_person_added_to_the_pods_is_found() -> None:
    item = deployment([A, {"name": "B", "value": "1"}], entry("kubectl-set", ADDED))
    assert additions(item, deployment([A])) == ["spec.template.spec.containers[inference].env[B]"]
    fields = {"f:spec": {"f:template": {"f:spec": {"f:nodeSelector": {"f:a": {}}}}}}
    item = deployment([A], entry("kubectl-edit", fields), nodeSelector={"a": "1"})
    assert additions(item, deployment([A])) == ["spec.template.spec.nodeSelector"]


@pytest.mark.parametrize("manager", ["Reloader", "argocd-controller", "istio"])
def test_what_a_controller_added_is_its_own(manager: str) -> None:
    item = deployment([A, {"name": "B", "value": "1"}], entry(manager, ADDED))
    assert additions(item, deployment([A])) == []


def test_what_is_applied_on_the_server_is_a_share_and_no_edit() -> None:
    item = deployment([A, {"name": "B", "value": "1"}], entry("kubectl", ADDED, operation="Apply"))
    assert additions(item, deployment([A])) == []


def test_what_a_person_and_a_controller_wrote_stays() -> None:
    item = deployment([A, {"name": "B"}], entry("kubectl-set", ADDED), entry("Reloader", ADDED))
    assert additions(item, deployment([A])) == []


def test_a_restart_is_no_addition() -> None:
    fields = {"f:spec": {"f:template": {"f:metadata": {"f:annotations": {"f:restartedAt": {}}}}}}
    assert additions(deployment([A], entry("kubectl-rollout", fields)), deployment([A])) == []
