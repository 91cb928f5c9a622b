"""The live check, against real servers on loopback."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from bind_operator.api.spec import ModelName
from bind_operator.cluster.verification import Target, Verifier, check, fingerprint_of, inference_addresses
from bind_operator.policy.facts import Key, Verification
from bind_operator.reasons import Reason

KEY = Key("demo", "t")
WITH_MODULE = {"modules": {"multi2vec-bind": {"model": "Tiny"}}}
TINY = {"model": "Tiny", "dimension": 32}
REFUSED = "127.0.0.1:1"


@contextlib.asynccontextmanager
async def answering(path: str, body: Any, status: int = 200) -> AsyncIterator[str]:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response(body, status=status)

    app = web.Application()
    app.router.add_get(path, answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
    yield f"127.0.0.1:{port}"
    await runner.cleanup()


async def outcome(
    weaviate: Any, inference: Any, *, status: int = 200, model: ModelName | None = ModelName.TINY
) -> Verification:
    async with answering("/v1/meta", weaviate, status) as one, answering("/meta", inference) as other:
        return await check(Target(one, [other], model), timeout_s=2.0)


async def test_all_as_expected() -> None:
    found = await outcome(WITH_MODULE, TINY)
    assert (found.holds, found.reason) == (True, Reason.VERIFIED)
    assert "Tiny (32 dimensions)" in found.message


@pytest.mark.parametrize(
    ("weaviate", "inference", "text"),
    [
        ({"modules": {}}, TINY, "does not show the module multi2vec-bind"),
        ({}, TINY, "does not show the module multi2vec-bind"),
        (WITH_MODULE, {"model": "Tiny", "dimension": 1024}, "Tiny of 1024 dimensions"),
        (WITH_MODULE, {"model": "ImageBindHuge", "dimension": 1024}, "ImageBindHuge"),
        (WITH_MODULE, {}, "None of None dimensions"),
    ],
    ids=["no module", "empty metadata", "wrong dimension", "wrong model", "strange server"],
)
async def test_what_is_wrong_is_reported(weaviate: Any, inference: Any, text: str) -> None:
    found = await outcome(weaviate, inference)
    assert (found.holds, found.reason) == (False, Reason.VERIFICATION_FAILED)
    assert text in found.message


async def test_a_foreign_image_need_only_answer() -> None:
    found = await outcome(WITH_MODULE, {"anything": 1}, model=None)
    assert found.holds is True


async def test_credentials_do_not_block() -> None:
    found = await outcome({}, TINY, status=401)
    assert (found.holds, found.blocks, found.reason) == (None, False, Reason.AUTHENTICATION_REQUIRED)


async def test_no_answer_cannot_tell() -> None:
    async with answering("/v1/meta", WITH_MODULE) as weaviate:
        found = await check(Target(weaviate, [REFUSED], ModelName.TINY), timeout_s=1.0)
    assert (found.holds, found.blocks, found.reason) == (None, True, Reason.VERIFYING)
    assert found.message.endswith(f"/meta at {REFUSED}: connection refused")


async def test_a_fault_goes_before_no_answer() -> None:
    async with answering("/v1/meta", {"modules": {}}) as weaviate:
        found = await check(Target(weaviate, [REFUSED], ModelName.TINY), timeout_s=1.0)
    assert found.holds is False


async def test_no_inference_pods_do_not_block() -> None:
    async with answering("/v1/meta", WITH_MODULE) as weaviate:
        found = await check(Target(weaviate, [], ModelName.TINY), timeout_s=1.0)
    assert (found.holds, found.blocks, found.reason) == (None, False, Reason.NO_INFERENCE_PODS)


async def test_a_success_is_remembered_for_the_same_pods_only() -> None:
    verifier = Verifier(timeout_s=1.0, interval_s=300.0)
    async with answering("/v1/meta", WITH_MODULE) as weaviate, answering("/meta", TINY) as inference:
        target = Target(weaviate, [inference], ModelName.TINY)
        found = await verifier.verify(KEY, ("a",), target, now=0.0)
    assert verifier.remembered(KEY, ("a",), now=299.0) == found
    assert verifier.remembered(KEY, ("a",), now=300.0) is None
    assert verifier.remembered(KEY, ("b",), now=1.0) is None


async def test_a_verified_system_loses_the_word_at_the_third_lost_check() -> None:
    verifier = Verifier(timeout_s=1.0, interval_s=300.0)
    async with answering("/v1/meta", WITH_MODULE) as weaviate, answering("/meta", TINY) as inference:
        await verifier.verify(KEY, ("a",), Target(weaviate, [inference], ModelName.TINY), now=0.0)
    lost = Target(REFUSED, [REFUSED], ModelName.TINY)
    outcomes = [(await verifier.verify(KEY, ("a",), lost, now=300.0)).holds for _ in range(3)]
    assert outcomes == [True, True, None]


def test_fingerprint_is_of_the_containers() -> None:
    one = {"status": {"containerStatuses": [{"containerID": "b"}, {"containerID": "a"}]}}
    assert fingerprint_of("d", [one]) == ("d", "a", "b")
    assert fingerprint_of("d", []) == ("d",)


def test_only_ready_inference_pods_are_asked() -> None:
    def pod(component: str, ip: str, ready: str) -> dict[str, Any]:
        labels = {"app.kubernetes.io/component": component}
        status = {"podIP": ip, "conditions": [{"type": "Ready", "status": ready}]}
        return {"metadata": {"labels": labels}, "status": status}

    pods = [
        pod("inference", "10.0.0.1", "True"),
        pod("inference", "10.0.0.2", "False"),
        pod("weaviate", "10.0.0.3", "True"),
        pod("inference", "fd00::1", "True"),
    ]
    assert inference_addresses(pods) == ["10.0.0.1:8080", "[fd00::1]:8080"]
