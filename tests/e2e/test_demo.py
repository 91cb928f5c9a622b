"""The demo as a user runs it: from the resource to the table, twice."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bind_demo.cluster.kube import Kube
from support.story import Story

LOCAL = Path(__file__).parents[2] / "local"
METHODS = 9
CLIENTS = 2
FIRST_RUN_S = 240
SECOND_RUN_S = 60
"""Of the 90 s that an unchanged `make demo` may take; the cluster and the images have the rest."""


@pytest.fixture(scope="module")
def story(operator: Kube) -> Iterator[Story]:
    """The demo makes its namespace itself."""
    story = Story(operator, "e2e-demo", Path())
    story.close()
    yield story
    story.close()


@pytest.fixture(scope="module")
def first_run(story: Story) -> subprocess.CompletedProcess[str]:
    return _run_demo(story, FIRST_RUN_S)


def _run_demo(story: Story, timeout_s: float) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bind_demo"],
        cwd=LOCAL,
        env={**os.environ, "BIND_DEMO_NAMESPACE": story.namespace, "KUBE": "local"},
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout_s,
    )


def test_every_search_of_both_clients_finds_the_right_thing(
    story: Story, first_run: subprocess.CompletedProcess[str]
) -> None:
    assert first_run.returncode == 0, first_run.stdout + first_run.stderr
    assert first_run.stdout.count("pass 8/8") == METHODS * CLIENTS
    assert "FAIL" not in first_run.stdout


def test_it_says_that_tiny_has_random_weights_and_what_to_type_next(
    story: Story, first_run: subprocess.CompletedProcess[str]
) -> None:
    assert "random weights" in first_run.stdout
    assert f"kubectl get bv -n {story.namespace}" in first_run.stdout
    assert "export KUBECONFIG=" in first_run.stdout


def test_a_printed_command_works_as_it_stands(
    story: Story, first_run: subprocess.CompletedProcess[str]
) -> None:
    lines = [line.strip() for line in first_run.stdout.splitlines()]
    export = next(line for line in lines if line.startswith("export KUBECONFIG="))
    show = next(line for line in lines if line.startswith("kubectl get bv"))
    shown = subprocess.run(["bash", "-c", f"{export}; {show}"], capture_output=True, text=True, check=False)
    assert shown.returncode == 0, shown.stderr
    header, row = shown.stdout.splitlines()
    assert header.split() == ["NAME", "READY", "REASON", "DEVICE", "REPLICAS", "URL", "AGE"]
    assert row.split()[:5] == ["tiny", "True", "InSync", "CPU", "1/1"]


def test_a_second_run_changes_nothing_and_is_quick(
    story: Story, first_run: subprocess.CompletedProcess[str]
) -> None:
    before = story.resource("tiny")
    started = time.monotonic()
    again = _run_demo(story, FIRST_RUN_S)
    assert again.returncode == 0, again.stdout + again.stderr
    assert time.monotonic() - started < SECOND_RUN_S
    after = story.resource("tiny")
    assert after["status"]["release"] == before["status"]["release"]
    assert after["metadata"]["generation"] == before["metadata"]["generation"]
