"""An application with Weaviate's Python client, in a process of its own: it inserts and searches for a while.

Authlib, by which that client gets tokens, takes httpx2 where it is installed (openai 3 brings it), and the
client 4.23 gives it what only httpx takes. So here it is as in an environment without httpx2.
usage: python application.py HOST PORT GRPC_PORT SECONDS PASSWORD|BEARER|CREDENTIALS < JSON of its arguments
"""

import json
import sys
import time
from collections.abc import Callable
from typing import Any

sys.modules["httpx2"] = None  # type: ignore[assignment]

import weaviate  # noqa: E402
from weaviate.classes.init import Auth  # noqa: E402

WAYS: dict[str, Callable[..., Any]] = {
    "password": Auth.client_password,
    "bearer": Auth.bearer_token,
    "credentials": Auth.client_credentials,
}


def main() -> None:
    """Print how often each worked, and the errors."""
    host, port, grpc_port, seconds, way = sys.argv[1:]
    done = {"inserted": 0, "found": 0}
    errors: list[str] = []
    with weaviate.connect_to_custom(
        http_host=host,
        http_port=int(port),
        http_secure=False,
        grpc_host="127.0.0.1",
        grpc_port=int(grpc_port),
        grpc_secure=False,
        auth_credentials=WAYS[way](**json.load(sys.stdin)),
    ) as client:
        things = client.collections.get("Thing")
        ends = time.monotonic() + float(seconds)
        while time.monotonic() < ends:
            for name, act in (("inserted", insert), ("found", search)):
                try:
                    done[name] += act(things)
                except weaviate.exceptions.WeaviateBaseError as error:
                    errors.append(f"{type(error).__name__}: {error}")
            time.sleep(0.1)
    sys.stdout.write(json.dumps(done | {"errors": errors}))


def insert(things: weaviate.collections.Collection) -> int:
    """Insert one object."""
    return len([things.data.insert({"text": "a cat"}, vector=[0.0, 1.0])])


def search(things: weaviate.collections.Collection) -> int:
    """Search once."""
    return len(things.query.near_vector([1.0, 0.0], limit=1).objects)


main()
