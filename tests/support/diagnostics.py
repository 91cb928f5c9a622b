"""Describes the cluster after a failed story: the resources, the events, the pods and their logs."""

from bind_demo.errors import DemoError
from support.story import KIND, Story

LOG_LINES = 30


def describe_namespace(story: Story) -> str:
    """Return the state of a story's namespace: resources, events, pods, claims and the ends of the logs."""
    parts = [
        _section(story, "get", KIND, "-o", "yaml"),
        _section(story, "get", "events", "--sort-by=.lastTimestamp"),
        _section(story, "get", "pods,pvc", "-o", "wide"),
    ]
    pods = [name for name in _output(story, "get", "pods", "-o", "name").split() if name.startswith("pod/")]
    logs = ("--all-containers", "--prefix", f"--tail={LOG_LINES}")
    return "\n".join([*parts, *(_section(story, "logs", pod, *logs) for pod in pods)])


def describe_operator(story: Story) -> str:
    """Return the end of the operator's log."""
    operator = Story(story.kube, "bind-system", story.fixtures)
    return _section(operator, "logs", "deploy/bind-operator", f"--tail={LOG_LINES}")


def _section(story: Story, *args: str) -> str:
    return f"$ kubectl {' '.join(args)}\n{_output(story, *args)}"


def _output(story: Story, *args: str) -> str:
    try:
        return story.kubectl(*args)
    except DemoError as error:  # the cluster may be broken: an error stands in place of its section
        return str(error)
