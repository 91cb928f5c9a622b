"""What the local registry holds."""

from dataclasses import dataclass
from typing import Any

import httpx

from bind_local.errors import LocalError
from bind_local.images.catalog import INPUTS_LABEL

MANIFESTS = "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"


@dataclass(frozen=True)
class Tag:
    """A tag, what it was built from, and when (RFC 3339, UTC)."""

    name: str
    digest: str
    inputs: str
    created: str


class Registry:
    """The registry at an address such as 10.240.0.1:5000."""

    def __init__(self, address: str) -> None:
        # No proxy from the environment: the address is this machine's own.
        self._http = httpx.Client(base_url=f"http://{address}/v2", timeout=10, trust_env=False)

    def answers(self) -> bool:
        """Say whether the registry is there."""
        try:
            return self._http.get("/").status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False

    def tag(self, repository: str, name: str) -> Tag | None:
        """Return a tag; None when the registry has none of that name."""
        answer = self._get(f"/{repository}/manifests/{name}")
        if answer is None:
            return None
        config = self._get(f"/{repository}/blobs/{answer.json()['config']['digest']}")
        facts: dict[str, Any] = config.json() if config else {}
        labels = facts.get("config", {}).get("Labels") or {}
        digest = answer.headers["docker-content-digest"]
        return Tag(name, digest, labels.get(INPUTS_LABEL, ""), facts.get("created", ""))

    def tags(self, repository: str) -> list[Tag]:
        """Return all tags of a repository, the newest first."""
        answer = self._get(f"/{repository}/tags/list")
        names = (answer.json().get("tags") or []) if answer else []
        found = [tag for name in names if (tag := self.tag(repository, name))]
        return sorted(found, key=lambda tag: tag.created, reverse=True)

    def delete(self, repository: str, tag: Tag) -> None:
        """Delete a tag's manifest; its layers go at the next collection."""
        self._http.delete(f"/{repository}/manifests/{tag.digest}")

    def _get(self, path: str) -> httpx.Response | None:
        try:
            answer = self._http.get(path, headers={"Accept": MANIFESTS}, follow_redirects=True)
        except httpx.HTTPError as error:
            raise LocalError(f"the local registry does not answer: {error}", "run `make cluster`") from error
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        if answer.is_error:
            raise LocalError(
                f"the local registry answered {answer.status_code} to {path}", "run `make clean` and again"
            )
        return answer
