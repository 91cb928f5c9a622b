"""A project is written as the text of a compose file, and its keys as that of an .env file."""

from collections.abc import Callable

from bind_operator.release.yaml_text import to_yaml
from bindctl.compose.services import Project, escaped

_ENV_HEADER = "# Keys of {file}. Keep this file to yourself.\n"


def compose_text(name: str, project: Project) -> str:
    """Return the file of a project. Same project, same bytes."""
    head = (
        f"# Made by `bindctl compose` of the BindVectorizer {name}.\n"
        "# docker compose up --detach --wait; what it asks for by ${…:?} belongs into .env beside it.\n"
    )
    text = head + to_yaml({"name": name, "services": project.services})
    if project.secrets:
        text += to_yaml({"secrets": project.secrets})
    if project.configs:
        text += "configs:\n"
        for source, content in project.configs.items():
            text += f"  {source}:\n    content: |\n{_block(escaped(content), '      ')}"
    if project.volumes:
        text += to_yaml({"volumes": project.volumes})
    return text


def env_text(file: str, project: Project, token: Callable[[], str]) -> str:
    """Return an .env file with a fresh value for each variable that the project asks for.

    token: gives another one at each call. One Secret's entries for server and gate share theirs.
    """
    shared: dict[str, str] = {}
    lines = []
    for variable, (secret, entry) in sorted(project.variables.items()):
        own = secret.endswith("-inference-keys")
        value = shared.setdefault(secret, token()) if own else token()
        lines.append(f"# entry {entry} of {secret}\n{variable}={value}\n")
    return _ENV_HEADER.format(file=file) + "".join(lines)


def _block(text: str, indent: str) -> str:
    """Return the lines of a block scalar, without spaces at the end of a line, which mean nothing here."""
    return "".join(f"{indent}{line.rstrip()}\n" if line.strip() else "\n" for line in text.splitlines())
