"""The program and values of docs/how-to/rag.md, as they stand there: a played API answers from photos."""

import ast
import json
import re
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml

from bind_operator.api import parse_resource
from bind_operator.release.chart import load_chart
from bind_operator.release.values import render_values
from bind_operator.settings import Images
from integration.snippet import API_KEY, MODULES, SNIPPETS, World
from support.charts import containers, env, pick, render
from support.http_server import listening
from support.media import picture
from support.resources import merged, tiny_resource

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "how-to" / "rag.md"
ANSWER = "It was sunny."


class PlayedApi(BaseHTTPRequestHandler):
    """Answers any prompt with the same words, and keeps what it was asked."""

    asked: ClassVar[list[dict[str, Any]]] = []

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append({"path": self.path, "key": self.headers["Authorization"], "body": body})
        answer = {"choices": [{"message": {"role": "assistant", "content": ANSWER}}]}
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())


def _page_yaml(number: int) -> dict[str, Any]:
    """Return a block of the page."""
    blocks = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    found: dict[str, Any] = yaml.safe_load(blocks[number])
    return found


def _environment(folder: Path, values: str) -> dict[str, Any]:
    """Return what the chart tells Weaviate of modules, with the key in the place of its Secret."""
    file = folder / "values.yaml"
    file.write_text(values)
    tiny = ("--set", "modules.multi2vec-bind.model.name=Tiny")
    pod = pick(render("weaviate-bind", "--values", file, *tiny), "StatefulSet")["spec"]["template"]["spec"]
    found = env(containers(pod)["weaviate"])
    return {name: found[name] for name in ("ENABLE_MODULES", "OPENAI_APIKEY")}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("values")
    resource = parse_resource(merged(tiny_resource("t"), _page_yaml(0)))
    return _environment(
        folder, render_values(resource, Images(), load_chart(ROOT / "charts" / "weaviate-bind")).text
    )


def test_the_resource_and_the_chart_tell_weaviate_the_same(told: dict[str, Any], tmp_path: Path) -> None:
    assert told == {
        "ENABLE_MODULES": MODULES,
        "OPENAI_APIKEY": {"secretKeyRef": {"name": "openai", "key": "key"}},
    }
    assert _environment(tmp_path, yaml.safe_dump(_page_yaml(1))) == told


@pytest.fixture(scope="module")
def printed(world: World, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("photos")
    for name, size in (("beach.png", 64), ("hut.png", 96), ("road.png", 128)):
        (folder / name).write_bytes(picture(size, size))
    PlayedApi.asked.clear()
    with listening(PlayedApi) as api:
        return world.run("rag.py", folder, "Was it sunny?", "llava", api)


def test_the_model_gets_the_question_and_the_found_photos_with_the_key_of_the_secret(
    printed: list[str],
) -> None:
    found, answer = printed
    assert answer == ANSWER
    names = ast.literal_eval(found)
    assert len(names) == 2
    (asked,) = PlayedApi.asked
    assert asked["path"] == "/v1/chat/completions"
    assert asked["key"] == f"Bearer {API_KEY}"
    text = json.dumps(asked["body"])
    assert "Was it sunny?" in text
    assert all(name in text for name in names)
    assert text.count('"image_url"') >= 2, "the photos themselves"


def test_the_page_shows_the_program() -> None:
    program = (SNIPPETS / "rag.py").read_text(encoding="utf-8")
    assert f"```python\n{program}```" in PAGE.read_text(encoding="utf-8")
