"""Running a program that stands in for Helm: arguments, files, environment, time limits, messages."""

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bind_operator.errors import HelmFailed, HelmTimedOut, NotLeader
from bind_operator.policy.causes import Cause, Occasion
from bind_operator.policy.facts import Key
from bind_operator.release.chart import Chart
from bind_operator.release.helm import MAX_MESSAGE, Helm
from bind_operator.release.storage import HelmDriver
from bind_operator.release.values import RenderedValues

KEY = Key("demo", "t")
VALUES = RenderedValues("replicas: 1\n", "abc123")
OCCASION = Occasion(4, Cause.SPEC_CHANGED)
CHART = Chart(Path("/charts/weaviate-bind"), "weaviate-bind", "0.1.0", {}, "d")


def make_helm(tmp_path: Path, body: str, *, timeout_s: float = 10.0, max_runs: int = 4) -> Helm:
    program = tmp_path / "helm"
    program.write_text(f"#!/bin/sh\nOUT={tmp_path}\n{body}\n", encoding="utf-8")
    program.chmod(0o755)
    return Helm(str(program), CHART, tmp_path / "kubeconfig", timeout_s, max_runs)


RECORD = (
    'printf "%s\\n" "$@" > $OUT/arguments; cp values.yaml $OUT/values; env > $OUT/environment; '
    "pwd > $OUT/folder"
)


async def test_a_rollback_names_the_revision(tmp_path: Path) -> None:
    await make_helm(tmp_path, RECORD).rollback(KEY, 4)
    arguments = (tmp_path / "arguments").read_text().splitlines()
    assert arguments[:3] == ["rollback", "t", "4"]
    assert "--force-conflicts" in arguments


async def test_install_gives_values_by_file_and_labels(tmp_path: Path) -> None:
    await make_helm(tmp_path, RECORD).install(KEY, VALUES, OCCASION)
    assert (tmp_path / "arguments").read_text().splitlines() == [
        "install",
        "t",
        "/charts/weaviate-bind",
        "--values=values.yaml",
        "--hide-notes",
        "--disable-openapi-validation",
        "--output=json",
        "--labels=bindvectorizer.dev/managed-by=bind-operator,bindvectorizer.dev/digest=abc123,"
        "bindvectorizer.dev/chart=weaviate-bind-0.1.0,bindvectorizer.dev/components=weaviate.inference,"
        "bindvectorizer.dev/revision=1,"
        "bindvectorizer.dev/generation=4,bindvectorizer.dev/cause=SpecChanged",
        "--namespace=demo",
        f"--kubeconfig={tmp_path}/kubeconfig",
    ]
    assert (tmp_path / "values").read_text() == "replicas: 1\nhelmDriver: ConfigMap\n"
    assert "HELM_DRIVER=configmap" in (tmp_path / "environment").read_text().splitlines()


async def test_records_in_secrets_are_helms_default_and_leave_no_mark(tmp_path: Path) -> None:
    helm = make_helm(tmp_path, RECORD)
    helm.driver = HelmDriver.SECRET
    await helm.install(KEY, VALUES, OCCASION)
    assert (tmp_path / "values").read_text() == "replicas: 1\n"
    assert "HELM_DRIVER=secret" in (tmp_path / "environment").read_text().splitlines()


async def test_upgrade_never_keeps_old_values_nor_waits(tmp_path: Path) -> None:
    await make_helm(tmp_path, RECORD).upgrade(KEY, VALUES, 7, OCCASION)
    arguments = (tmp_path / "arguments").read_text().splitlines()
    assert arguments[:2] == ["upgrade", "t"]
    assert next(word for word in arguments if word.startswith("--labels")).count("/revision=7,") == 1
    assert {"--reset-values", "--force-conflicts", "--server-side=true"} <= set(arguments)
    assert not [word for word in arguments if word.startswith(("--wait", "--atomic", "--rollback", "--set"))]


async def test_uninstall_of_nothing_is_fine(tmp_path: Path) -> None:
    not_found = 'echo "Error: uninstall: Release not loaded: t: release: not found" >&2; exit 1'
    await make_helm(tmp_path, f"{RECORD}\n{not_found}").uninstall(KEY)
    assert (tmp_path / "arguments").read_text().splitlines()[:2] == ["uninstall", "t"]


async def test_uninstall_that_could_not_read_the_records_is_a_failure(tmp_path: Path) -> None:
    refused = 'echo "Error: uninstall: Release not loaded: t: refused by a test" >&2; exit 1'
    with pytest.raises(HelmFailed, match="refused by a test"):
        await make_helm(tmp_path, f"{RECORD}\n{refused}").uninstall(KEY)
    # Helm reports success by this, whatever kept it from its records.
    assert "--ignore-not-found" not in (tmp_path / "arguments").read_text()


async def test_folders_are_its_own_and_gone_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HELM_DEBUG", "true")
    await make_helm(tmp_path, RECORD).install(KEY, VALUES, OCCASION)
    folder = (tmp_path / "folder").read_text().strip()
    environment = dict(line.split("=", 1) for line in (tmp_path / "environment").read_text().splitlines())
    assert environment["HOME"] == folder
    with pytest.raises(FileNotFoundError):
        os.stat(folder)  # noqa: PTH116  (pathlib is not for coroutines)
    for name in ("CACHE", "CONFIG", "DATA"):
        assert environment[f"HELM_{name}_HOME"].startswith(f"{folder}/")
    assert "HELM_DEBUG" not in environment


async def test_failure_has_helms_last_words(tmp_path: Path) -> None:
    body = (
        'echo "level=WARN msg=noise" >&2; echo "Error: UPGRADE FAILED: no" >&2; echo "such thing" >&2; exit 1'
    )
    with pytest.raises(HelmFailed, match=r"^UPGRADE FAILED: no such thing$"):
        await make_helm(tmp_path, body).upgrade(KEY, VALUES, 2, OCCASION)


async def test_failure_shows_nothing_of_a_secret_also_where_it_is_cut(tmp_path: Path) -> None:
    long = "Error: " + "x" * (MAX_MESSAGE - 4) + "hunter-two hunter-two"
    values = RenderedValues("a: 1\n", "abc123", secrets=("hunter-two",))
    helm = make_helm(tmp_path, f'echo "{long}" >&2; exit 1')
    for run in (helm.install(KEY, values, OCCASION), helm.rollback(KEY, 1, values.secrets)):
        with pytest.raises(HelmFailed) as caught:
            await run
        assert "x***" in str(caught.value)
        assert "hunt" not in str(caught.value)


async def test_silent_failure_still_says_something(tmp_path: Path) -> None:
    with pytest.raises(HelmFailed, match="left no message"):
        await make_helm(tmp_path, "exit 3").upgrade(KEY, VALUES, 2, OCCASION)


async def test_a_missing_program_is_reported(tmp_path: Path) -> None:
    helm = Helm("/nowhere/helm", CHART, None, 1.0, 1)
    with pytest.raises(
        HelmFailed, match=r"^/nowhere/helm cannot be run: No such file or directory; set helm "
    ):
        await helm.uninstall(KEY)


async def test_a_hanging_run_is_killed(tmp_path: Path) -> None:
    started = time.monotonic()
    with pytest.raises(HelmTimedOut, match=r"helm install did not end within 0\.3 s"):
        await make_helm(tmp_path, "echo $$ > $OUT/pid; exec sleep 60", timeout_s=0.3).install(
            KEY, VALUES, OCCASION
        )
    assert time.monotonic() - started < 10
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


async def test_a_cancelled_run_is_killed(tmp_path: Path) -> None:
    run = asyncio.create_task(
        make_helm(tmp_path, "echo $$ > $OUT/pid; exec sleep 60").install(KEY, VALUES, OCCASION)
    )
    async with asyncio.timeout(10):
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():  # noqa: ASYNC110  (a file has no event)
            await asyncio.sleep(0.01)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


async def test_few_run_at_once(tmp_path: Path) -> None:
    body = (
        "mkdir -p $OUT/run; touch $OUT/run/$$; ls $OUT/run | wc -l >> $OUT/counts; sleep 0.1; rm $OUT/run/$$"
    )
    helm = make_helm(tmp_path, body, max_runs=2)
    await asyncio.gather(*(helm.uninstall(Key("demo", f"t{number}")) for number in range(6)))
    counts = [int(line) for line in (tmp_path / "counts").read_text().split()]
    assert len(counts) == 6
    assert max(counts) <= 2


async def test_closing_waits_for_what_has_begun_and_begins_no_more(tmp_path: Path) -> None:
    helm = make_helm(tmp_path, "sleep 0.5; echo done > $OUT/done", max_runs=1)
    first, second = (asyncio.create_task(helm.install(KEY, VALUES, OCCASION)) for _ in range(2))
    await asyncio.sleep(0.2)
    await helm.close(5.0)
    assert (tmp_path / "done").exists()
    await first
    with pytest.raises(NotLeader, match="stops"):
        await second


async def test_closing_does_not_wait_for_ever(tmp_path: Path) -> None:
    helm = make_helm(tmp_path, "exec sleep 60")
    run = asyncio.create_task(helm.install(KEY, VALUES, OCCASION))
    await asyncio.sleep(0.2)
    async with asyncio.timeout(5.0):
        await helm.close(0.2)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run


async def test_no_run_begins_where_the_guard_says_no(tmp_path: Path) -> None:
    def refuse(namespace: str) -> Callable[[], None]:
        raise NotLeader(namespace)

    helm = make_helm(tmp_path, RECORD)
    helm.guard = refuse
    with pytest.raises(NotLeader, match="demo"):
        await helm.install(KEY, VALUES, OCCASION)
    assert not (tmp_path / "arguments").exists()


async def test_a_full_disk_is_a_failure_that_passes(tmp_path: Path) -> None:
    helm = make_helm(tmp_path, "exit 0")
    helm.folder = tmp_path / "full"
    with pytest.raises(
        HelmFailed, match=rf"Helm needs some MiB in {helm.folder}, and has none: No such file"
    ):
        await helm.upgrade(KEY, VALUES, 2, OCCASION)
    helm.folder.mkdir()
    await helm.upgrade(KEY, VALUES, 2, OCCASION)
    assert list(helm.folder.iterdir()) == []


async def test_a_killed_helm_says_so(tmp_path: Path) -> None:
    with pytest.raises(HelmFailed, match="helm was killed by signal 9"):
        await make_helm(tmp_path, "kill -9 $$").upgrade(KEY, VALUES, 2, OCCASION)
