"""A Weaviate pod that goes is asked no more before it is stopped, where another could answer in its place."""

from support.charts import containers, pick, render

TINY = ("--set", "modules.multi2vec-bind.model.name=Tiny")


def weaviate(*settings: str):
    arguments = [part for setting in settings for part in ("--set", setting)]
    return pick(render("weaviate-bind", *TINY, *arguments), "StatefulSet")["spec"]["template"]["spec"]


def test_one_of_several_sleeps_before_it_is_stopped() -> None:
    spec = weaviate("replicas=3")
    hook = containers(spec)["weaviate"]["lifecycle"]["preStop"]
    assert hook == {"sleep": {"seconds": 10}}
    assert spec["terminationGracePeriodSeconds"] > 10
    assert "lifecycle" not in containers(weaviate("replicas=3", "drainSeconds=0"))["weaviate"]


def test_one_alone_is_stopped_at_once() -> None:
    assert "lifecycle" not in containers(weaviate())["weaviate"]
