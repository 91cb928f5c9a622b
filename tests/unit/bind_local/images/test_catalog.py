"""Images: what they are built from decides their tag."""

from pathlib import Path

import pytest
import yaml

from bind_local.errors import LocalError
from bind_local.images import catalog, publish
from bind_local.images.catalog import Image, tree
from bind_local.paths import REPO, Paths
from bind_local.programs.modules import WEAVIATES, digest

PATHS = Paths(Path("/cache/bv"))


def test_our_tags_follow_from_the_contents_and_the_bases() -> None:
    base = catalog.debian(Path("/cache/root.tar"))
    other = Image(base.name, base.tag, "another", base.dockerfile)
    one, same, changed = (catalog.inference(it, catalog.CUDA) for it in (base, base, other))
    assert one == same
    assert one.tag == f"{catalog.VERSION}-{one.inputs}"
    assert changed.tag != one.tag


def test_the_server_has_an_image_for_each_variant_under_one_name() -> None:
    base = catalog.debian(Path("/cache/root.tar"))
    cpu, cuda = catalog.inference(base, catalog.CPU), catalog.inference(base, catalog.CUDA)
    assert cpu.name == cuda.name
    assert cpu.tag == f"{catalog.VERSION}-cpu-{cpu.inputs}"
    assert (cpu.published_tag, cuda.published_tag) == (f"{catalog.VERSION}-cpu", catalog.VERSION)
    assert (cpu.args["VARIANT"], cuda.args["VARIANT"]) == ("cpu", "cuda")
    assert cpu.inputs != cuda.inputs
    assert catalog.argument(cuda.dockerfile, "VARIANT") == catalog.CUDA, "what docker build makes unasked"


def test_the_local_cluster_has_no_gpu_and_a_user_s_registry_gets_both() -> None:
    local, all_of_them = publish.images_without_gpus(PATHS), publish.our_images(PATHS)
    assert [image.short + image.variant for image in local] == ["bind-operator", "bind-inference-cpu"]
    assert {image.tag for image in local} < {image.tag for image in all_of_them}
    pushed = [step.title for step in publish.user_steps(PATHS, "r.example.org/t") if "push" in step.title]
    for tag in (catalog.VERSION, f"{catalog.VERSION}-cpu"):
        assert f"push r.example.org/t/bind-inference:{tag}" in pushed


def test_names_are_those_that_charts_and_dockerfiles_use() -> None:
    values = yaml.safe_load((REPO / "charts/weaviate-bind/values.yaml").read_text(encoding="utf-8"))["image"]
    chosen = f"{values['registry']}/{values['repo']}:{values['tag']}"
    assert catalog.weaviate(PATHS).reference == chosen
    assert catalog.caddy(PATHS).reference == "docker.io/library/caddy:2.11.9"
    assert catalog.caddy(PATHS).repository == "library/caddy"
    assert catalog.helm(PATHS).reference == catalog.argument(REPO / "operator/Dockerfile", "HELM_IMAGE")
    operator, *servers = publish.our_images(PATHS)
    assert operator.short == "bind-operator"
    assert {server.short for server in servers} == {"bind-inference"}
    assert set(operator.args) == {"BASE_IMAGE", "HELM_IMAGE"}


def test_every_version_of_weaviate_has_an_image_and_none_pushes_another_out() -> None:
    tags = {catalog.weaviate(PATHS, module).tag for module in WEAVIATES}
    assert tags == {module.version() for module in WEAVIATES}
    assert len(tags) <= publish.KEPT_TAGS


def test_a_file_s_contents_name_and_absence_count(tmp_path: Path) -> None:
    def inputs() -> str:
        contents, names = tree(tmp_path, ["code", "pins.txt"])
        return digest(contents, names)

    (tmp_path / "code" / "__pycache__").mkdir(parents=True)
    (tmp_path / "code" / "a.py").write_text("a")
    (tmp_path / "pins.txt").write_text("p")
    before = inputs()
    (tmp_path / "code" / "__pycache__" / "a.pyc").write_text("cache")
    assert inputs() == before
    (tmp_path / "code" / "a.py").rename(tmp_path / "code" / "b.py")
    renamed = inputs()
    assert renamed != before
    (tmp_path / "code" / "b.py").write_text("b")
    assert inputs() not in (before, renamed)


def test_a_dockerfile_without_the_argument_is_named(tmp_path: Path) -> None:
    file = tmp_path / "Dockerfile"
    file.write_text("ARG OTHER=x\nARG BASE_IMAGE\n")
    with pytest.raises(LocalError, match="BASE_IMAGE"):
        catalog.argument(file, "BASE_IMAGE")
