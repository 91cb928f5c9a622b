"""A repository of a test, served on an address of this machine by git's own http-backend."""

import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import CGIHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

AUTHOR = ("-c", "user.name=test", "-c", "user.email=test@example.org")


@dataclass(frozen=True)
class Repository:
    """A bare repository, and a work tree in which commits are made."""

    url: str
    bare: Path
    tree: Path

    def commit(self, files: Mapping[str, str | None], message: str) -> str:
        """Write files, remove those that are None, commit and push; return the commit's hash."""
        for name, text in files.items():
            path = self.tree / name
            if text is None:
                path.unlink()
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
        _git(self.tree, "add", "--all")
        _git(self.tree, *AUTHOR, "commit", "--message", message)
        return self._push()

    def revert(self) -> str:
        """Take the last commit back by another, as `git revert` does; return its hash."""
        _git(self.tree, *AUTHOR, "revert", "--no-edit", "HEAD")
        return self._push()

    def _push(self) -> str:
        _git(self.tree, "push", "--quiet", "origin", "main")
        return _git(self.tree, "rev-parse", "HEAD").strip()


class _Handler(CGIHTTPRequestHandler):
    """It runs programs of the server's folder cgi-bin, of which there is one."""

    protocol_version = "HTTP/1.0"
    # It would otherwise run as nobody, whom the repository of a test does not belong to.
    have_fork = False

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serving(folder: Path, host: str = "127.0.0.1") -> Iterator[Repository]:
    """Serve a new, empty repository below `folder` until the block ends."""
    bare, tree = folder / "served/work.git", folder / "tree"
    _git(folder, "init", "--quiet", "--bare", "--initial-branch=main", str(bare))
    _git(folder, "init", "--quiet", "--initial-branch=main", str(tree))
    _git(tree, "remote", "add", "origin", str(bare))
    backend = Path(_git(folder, "--exec-path").strip()) / "git-http-backend"
    programs = folder / "cgi-bin"
    programs.mkdir()
    script = programs / "git.py"
    script.write_text(SCRIPT.format(root=str(bare.parent), backend=str(backend)), encoding="utf-8")
    server = ThreadingHTTPServer((host, 0), partial(_Handler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield Repository(f"http://{host}:{server.server_port}/cgi-bin/git.py/work.git", bare, tree)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


SCRIPT = """\
import os, sys
os.environ.update(GIT_PROJECT_ROOT={root!r}, GIT_HTTP_EXPORT_ALL="1")
os.execv({backend!r}, [{backend!r}])
"""


def _git(folder: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True
    ).stdout
