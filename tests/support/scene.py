"""What a failed story leaves for its reader: the resources, the events, the pods and their logs."""

from bind_demo.errors import DemoError
from support.story import KIND, Story

LOG_LINES = 30


def describe(story: Story) -> str:
    """Return the state of a story's namespace: resources, events, pods, claims and the ends of the logs."""
    parts = [
        _section(story, "get", KIND, "-o", "yaml"),
        _section(story, "get", "events", "--sort-by=.lastTimestamp"),
        _section(story, "get", "pods,pvc", "-o", "wide"),
    ]
    pods = [name for name in _said(story, "get", "pods", "-o", "name").split() if name.startswith("pod/")]
    logs = ("--all-containers", "--prefix", f"--tail={LOG_LINES}")
    return "\n".join([*parts, *(_section(story, "logs", pod, *logs) for pod in pods)])


def describe_operator(story: Story) -> str:
    """Return the end of the operator's log."""
    operator = Story(story.kube, "bind-system", story.fixtures)
    return _section(operator, "logs", "deploy/bind-operator", f"--tail={LOG_LINES}")


def _section(story: Story, *args: str) -> str:
    return f"$ kubectl {' '.join(args)}\n{_said(story, *args)}"


def _said(story: Story, *args: str) -> str:
    try:
        return story.kubectl(*args)
    except DemoError as error:  # a picture of a broken cluster: what cannot be had is said, the rest is shown
        return str(error)
