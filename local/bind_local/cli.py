"""Each command of the local cluster is a list of steps that show their progress."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from bind_local import apt, cache
from bind_local.checks import check_steps
from bind_local.cluster import cleanup
from bind_local.cluster import lifecycle as cluster
from bind_local.errors import LocalError
from bind_local.images import publish
from bind_local.paths import Paths
from bind_local.programs import binaries
from bind_local.programs.modules import (
    ALL_MODULES,
    CADDY,
    CLUSTER_MODULES,
    HELM,
    IMAGE_MODULES,
    PIPELINE_MODULES,
    WEAVIATE,
    WEAVIATES,
    Module,
    program,
)
from bind_local.steps import Step, run_steps


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    top = argparse.ArgumentParser(prog="python -m bind_local", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True)
    add = commands.add_parser
    add("packages", help="install the Debian packages that are missing")
    built = add("binaries", help="build the pinned Go programs")
    built.add_argument("module", nargs="*", help="only these: " + ", ".join(m.name for m in PIPELINE_MODULES))
    add("up", help="start the local cluster, or leave it alone when it is healthy")
    add("down", help="end the local cluster and its state; images stay")
    add("clean", help="down, and say that nothing of it is left")
    add("clean-cache", help="clean, and remove the programs and images that are kept for the next cluster")
    add("leftovers", help="list what is left of a cluster; status 1 when there is something")
    add("status", help="say whether the cluster runs")
    image = add("images", help="build the images and push them to the local registry, or to another")
    image.add_argument("--registry", default="", help="host and path, such as registry.example.org/team")
    image.add_argument(
        "--json",
        action="store_true",
        help="only print our images' tags; in the local registry they must be there",
    )
    prepare = add("prepare", help="packages, programs, cluster and images in one go")
    prepare.add_argument("--tests", action="store_true", help="with the programs that only tests need")
    prepare.add_argument(
        "--pipelines",
        action="store_true",
        help="with those of tests/pipelines too: each version of Weaviate, KEDA, metrics-server …",
    )
    check = add("check", help="ruff, mypy, import rules, generated files, unit tests")
    check.add_argument("--no-unit-tests", dest="unit_tests", action="store_false", help="without tests/unit")
    add("kubeconfig", help="print the path of the local cluster's kubeconfig")
    path = add("path", help="print the path of a pinned program")
    path.add_argument("program")
    return top


def main(argv: Sequence[str], paths: Paths) -> int:
    """Run one command. Returns its status; errors are printed with their remedy."""
    args = parser().parse_args(argv)
    try:
        return _run(args, paths)
    except LocalError as error:
        print(f"\nerror: {error}\nto do: {error.remedy}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ninterrupted; what was begun is cleared by the next run or by `make clean`", file=sys.stderr)
        return 130


def _run(args: argparse.Namespace, paths: Paths) -> int:
    match args.command:
        case "packages":
            run_steps([_packages(paths)])
        case "binaries":
            run_steps(binaries.build_steps(paths, _modules(args.module)))
        case "up":
            run_steps(_cluster(paths, CLUSTER_MODULES))
        case "check":
            steps = check_steps(paths, unit_tests=args.unit_tests)
            run_steps([*binaries.build_steps(paths, (HELM,)), *steps])
        case "prepare":
            weaviates = WEAVIATES if args.pipelines else (WEAVIATE,)
            more = [_packages(paths, apt.PIPELINES_LIST)] if args.pipelines else []
            run_steps([*_cluster(paths, _prepared(args)), *more, *publish.local_steps(paths, weaviates)])
        case "images" if args.json and args.registry:
            print(json.dumps({image.short + image.variant: image.tag for image in publish.our_images(paths)}))
        case "images" if args.json:
            print(json.dumps(publish.tags_in_registry(paths)))
        case "images" if args.registry:
            run_steps(
                [
                    _packages(paths),
                    *binaries.build_steps(paths, (HELM,)),
                    *publish.user_steps(paths, args.registry),
                ]
            )
        case "images":
            everything = tuple(dict.fromkeys((*CLUSTER_MODULES, *IMAGE_MODULES)))
            run_steps([*_cluster(paths, everything), *publish.local_steps(paths)])
        case "down":
            run_steps([Step("end the local cluster", lambda: cluster.down(paths))])
        case "clean":
            run_steps([Step("end the local cluster", lambda: cluster.down(paths))])
            return _leftovers(paths)
        case "clean-cache":
            if cleanup.leftovers(paths):
                run_steps([Step("end the local cluster", lambda: cluster.down(paths))])
            print(cache.clean(paths))
        case "leftovers":
            return _leftovers(paths)
        case "status":
            print(cluster.status(paths))
        case "kubeconfig":
            print(paths.kubeconfig)
        case "path":
            print(program(paths, args.program))
    return 0


def _packages(paths: Paths, file: Path = apt.LIST) -> Step:
    named = f"install Debian packages of {file.name}"
    return Step(named, lambda: apt.install(paths, file), lambda: not apt.missing(file))


def _prepared(args: argparse.Namespace) -> Sequence[Module]:
    if args.pipelines:
        return PIPELINE_MODULES
    return ALL_MODULES if args.tests else (*CLUSTER_MODULES, HELM, CADDY, WEAVIATE)


def _modules(names: Sequence[str]) -> Sequence[Module]:
    unknown = sorted(set(names) - {module.name for module in PIPELINE_MODULES})
    if unknown:
        known = ", ".join(module.name for module in PIPELINE_MODULES)
        raise LocalError(f"there is no module {', '.join(unknown)} in local/go", f"choose of {known}")
    return [module for module in PIPELINE_MODULES if module.name in names] or ALL_MODULES


def _cluster(paths: Paths, modules: Sequence[Module]) -> list[Step]:
    """Return the steps up to a running cluster; packages come first, because later steps use them."""

    def healthy() -> bool:
        return cluster.is_healthy(paths, cluster.spec_digest(*cluster.plan(paths)))

    return [
        _packages(paths),
        *binaries.build_steps(paths, modules),
        Step("start the local cluster", lambda: cluster.up(paths), healthy),
        publish.pause_step(paths),
    ]


def _leftovers(paths: Paths) -> int:
    left = cleanup.leftovers(paths)
    print("\n".join(left) if left else "nothing of the local cluster is left on this machine")
    return 1 if left else 0
