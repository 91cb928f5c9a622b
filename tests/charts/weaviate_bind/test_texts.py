"""Texts of the environment as Helm renders them; tests/integration/test_strings.py has them in pods."""

import json
import re

import pytest

from support.charts import containers, env, pick, render
from support.nasty import NASTY, UNHELD

TEXTS = list({**NASTY, **{f"{ord(letter):#x}": f"a{letter}b" for letter in UNHELD}}.values())


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory):
    named = {f"T_{number}": text for number, text in enumerate(TEXTS)}
    values = {
        "env": named,
        "modules": {
            "multi2vec-bind": {
                "model": {"name": "Tiny"},
                "extraEnv": [{"name": name, "value": text} for name, text in named.items()]
                + [{"name": "NUMBER", "value": 10000000}, {"name": "NO"}]
                + [{"name": "SOURCE", "valueFrom": {"secretKeyRef": {"name": "yes", "key": "a b"}}}],
            }
        },
    }
    file = tmp_path_factory.mktemp("values") / "values.json"
    text = json.dumps(values, ensure_ascii=False)
    # JSON takes these as they are, and YAML does not; half of a surrogate pair it takes in no form.
    file.write_text(
        re.sub("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]", lambda one: f"\\u{ord(one[0]):04x}", text)
    )
    return render("weaviate-bind", "--values", file)


@pytest.mark.parametrize(("kind", "name"), [("Deployment", "inference"), ("StatefulSet", "weaviate")])
def test_every_text_is_rendered_as_it_is(rendered, kind: str, name: str) -> None:
    found = env(containers(pick(rendered, kind, name)["spec"]["template"]["spec"])[name])
    assert {text: found.get(f"T_{number}") for number, text in enumerate(TEXTS)} == {
        text: text for text in TEXTS
    }


def test_other_fields_of_a_variable_are_kept(rendered) -> None:
    server = containers(pick(rendered, "Deployment", "inference")["spec"]["template"]["spec"])["inference"]
    found = {item["name"]: item.get("value", item.get("valueFrom")) for item in server["env"]}
    assert found["NUMBER"] == "10000000"
    assert found["SOURCE"] == {"secretKeyRef": {"name": "yes", "key": "a b"}}
    assert {"name": "NO"} in server["env"]
