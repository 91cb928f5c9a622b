"""In pods, by the commands of the page: to S3 and back into a new resource, and to a volume; old ones go."""

import base64
import contextlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from integration.data_world import OBJECTS, Data
from pipelines.backups.conftest import KEYS
from pipelines.backups_in_pods.conftest import NAMESPACE
from support.pages import ROOT, Shell, blocks
from support.resources import merged
from support.story import Story
from support.waiting import until

HERE = Path(__file__).parent
PAGE = "backups.md"
EXAMPLES = {
    "=KEY": f"={KEYS['AWS_ACCESS_KEY_ID']}",
    "=SECRET": f"={KEYS['AWS_SECRET_ACCESS_KEY']}",
    "namespace: prod": f"namespace: {NAMESPACE}",
}
"""A reader puts these in the place of the page's own."""
BACKUP_S = 90
RESTORE_S = 180
COLLECTIONS = {"Things": OBJECTS, "Others": OBJECTS}


def filled(text: str) -> str:
    for example, mine in EXAMPLES.items():
        text = text.replace(example, mine)
    return text


def commands(heading: str) -> list[str]:
    """Return the lines of a section's shell blocks."""
    return [filled(line) for block in blocks(PAGE, "sh", heading) for line in block.splitlines() if line]


def manifests(heading: str) -> list[dict[str, Any]]:
    """Return a section's pieces of manifests."""
    return [yaml.safe_load(filled(block)) for block in blocks(PAGE, "yaml", heading)]


def inline_commands() -> list[str]:
    """Return the commands that stand within sentences and tables."""
    text = (ROOT / "docs/how-to" / PAGE).read_text(encoding="utf-8")
    found = re.findall(r"`(kubectl [^`]+)`", text)
    assert found
    return found


def resource(*pieces: dict[str, Any], endpoint: str = "", name: str = "search") -> dict[str, Any]:
    """Return the tests' resource with what the page says, at this server."""
    found = yaml.safe_load((HERE / "resource.yaml").read_text(encoding="utf-8"))
    found["metadata"]["name"] = name
    for piece in pieces:
        found = merged(found, piece)
    if endpoint:
        address = endpoint.partition(":")[0]
        s3 = {"endpoint": endpoint, "useSsl": False}
        destinations = [{"ipBlock": {"cidr": f"{address}/32"}}]
        found = merged(
            found,
            {"spec": {"weaviate": {"backup": {"s3": s3}}, "networkPolicy": {"destinations": destinations}}},
        )
    return found


def apply(story: Story, manifest: dict[str, Any]) -> None:
    story.kube.run("apply", "-n", story.namespace, "-f", "-", stdin=json.dumps(manifest))


@contextlib.contextmanager
def data_of(story: Story, name: str) -> Iterator[Data]:
    """Reach the Weaviate of a resource with an administrator's key."""
    key = story.kubectl("get", "secret", f"{name}-weaviate-keys", "-o", "jsonpath={.data.admin}")
    with story.kube.forward(story.namespace, f"svc/{name}-weaviate", 80) as port:
        yield Data(f"http://127.0.0.1:{port}", base64.b64decode(key).decode())


def status_of(story: Story, name: str, part: str) -> dict[str, Any]:
    found: dict[str, Any] = story.resource(name).get("status", {}).get(part, {})
    return found


def backed_up(story: Story, name: str, ask: Any, before: str = "") -> str:
    """Ask for a backup, and return its id when it is the last good one."""
    ask()

    def done() -> str:
        status = status_of(story, name, "backup")
        good = str(status.get("lastSuccess", {}).get("id", ""))
        return good if good != before and "running" not in status else ""

    return until(done, BACKUP_S, lambda: f"{name} is backed up; {status_of(story, name, 'backup')}")


def pruned(story: Story, shell: Shell, name: str, lines: list[str]) -> str:
    """Let the CronJob's pod run by the page's commands; return what it printed, once the status has it."""
    before = status_of(story, name, "backup").get("retention", {}).get("lastRunTime", "")
    make, wait, logs = (one.replace("search-retention", f"{name}-retention") for one in lines)
    for one in (make, wait):
        shell.run(one)
    printed = shell.run(logs)
    shell.run("kubectl delete job retention-now")

    def is_told() -> bool:
        return status_of(story, name, "backup").get("retention", {}).get("lastRunTime", "") > before

    until(is_told, 30, lambda: f"it is told; {status_of(story, name, 'backup')}")
    return printed


def test_to_s3_by_the_page_and_into_a_new_resource(story: Story, shell: Shell, endpoint: str) -> None:
    for command in commands("To S3"):
        shell.run(command)
    (place,), (keeps,) = manifests("To S3"), manifests("How long backups are kept")
    apply(story, resource(place, keeps, endpoint=endpoint))
    story.wait_ready("search")
    shown, told, now = commands("How it went")
    with data_of(story, "search") as data:
        data.fill("Things")
        first = backed_up(story, "search", lambda: shell.run(now))
        data.fill("Others")
        near = data.nearest("Others", 7)
    second = backed_up(story, "search", lambda: shell.run(now), first)
    assert json.loads(shell.run(shown))["lastSuccess"]["objects"] == COLLECTIONS
    assert "BackupSucceeded" in shell.run(told)
    wide, retention, *run = commands("How long backups are kept")
    # Both are among the last seven, and young.
    assert '"removedCount": 0' in pruned(story, shell, "search", run)
    assert json.loads(shell.run(retention))["kept"] == 2
    story.patch("search", {"weaviate": {"backup": {"retention": {"keepLast": 1, "keepFor": None}}}})
    until(lambda: "--keep-last=1" in json.dumps(cron_job(story, "search")), 60, "the rule is in the pod")
    assert f"{first} removed: a good one of 2" in pruned(story, shell, "search", run)
    assert shell.run(wide).splitlines()[1].split()[-1] == "1"
    assert "BackupsRemoved" in story.event_reasons("search")
    (restore,) = manifests("Begin with a backup")
    apply(story, resource(restore, endpoint=endpoint, name="again"))
    restored = until(
        lambda: found if (found := status_of(story, "again", "restore")).get("completedTime") else None,
        RESTORE_S,
        lambda: f"again is restored; {story.conditions_line('again')}",
    )
    assert (restored["id"], restored["phase"], restored["objects"]) == (second, "Restored", COLLECTIONS)
    assert "as many as when the backup was made" in restored["message"]
    assert story.condition("again", "Restored").reason == "Restored"
    with data_of(story, "again") as data:
        assert data.counts() == COLLECTIONS
        assert data.nearest("Others", 7) == near
    for command in inline_commands():
        shell.run(command)


def test_to_a_volume_which_the_pod_that_removes_old_ones_reaches(story: Story, shell: Shell) -> None:
    backup = {"filesystem": {"size": "1Gi"}, "retention": {"keepLast": 1}}
    apply(story, resource({"spec": {"weaviate": {"backup": backup}}}, name="kept"))
    story.wait_ready("kept")
    _, _, now = (one.replace("bv search", "bv kept") for one in commands("How it went"))
    with data_of(story, "kept") as data:
        data.fill("Things")
    first = backed_up(story, "kept", lambda: shell.run(now))
    backed_up(story, "kept", lambda: shell.run(now), first)
    _, _, *run = commands("How long backups are kept")
    assert f"{first} removed: a good one of 2" in pruned(story, shell, "kept", run)
    assert status_of(story, "kept", "backup")["retention"]["kept"] == 1


def cron_job(story: Story, name: str) -> dict[str, Any]:
    return story.kube.get("cronjob", f"{name}-retention", "-n", story.namespace)
