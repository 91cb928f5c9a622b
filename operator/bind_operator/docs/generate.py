"""Write the files that are made from the models and the charts, or check that they are fresh.

`python -m bind_operator.docs.generate [--check]`, from the root of a checkout.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

from bind_operator.api.crd import build_crd
from bind_operator.docs.chart_schema import build_values_schema
from bind_operator.docs.chart_values import ChartValue, UnclearValue, read_values
from bind_operator.docs.reference import build_reference, build_settings_reference, build_values_reference
from bind_operator.docs.rights import build_rights_reference
from bind_operator.docs.upstream_values import (
    UPSTREAM_FILE,
    Upstream,
    build_upstream_page,
    parse_upstream,
    taken_values,
)

ROOT = Path(__file__).resolve().parents[3]
MADE_BY = "made by `make generate`; do not edit"
CRD_CHART_FILE = "charts/bind-operator/templates/crd.yaml"
CHARTS = ("bind-operator", "weaviate-bind")


class GenerateFailed(Exception):
    """A file cannot be made; the message says why and what to do."""


def render_crd() -> str:
    """Return the CRD as a plain manifest."""
    return f"# {MADE_BY}\n{_dump(build_crd())}"


def render_crd_template() -> str:
    """Return the CRD as a template of charts/bind-operator.

    Only Helm's own lines are spliced in: the schema's text is the plain manifest's, with braces escaped.
    """
    crd = build_crd()
    spec = _dump({"spec": crd["spec"]}).replace("{{", '{{ "{{" }}')
    head = [
        f"{{{{- /* {MADE_BY} */ -}}}}",
        "{{- if .Values.crds.enabled }}",
        f"apiVersion: {crd['apiVersion']}",
        f"kind: {crd['kind']}",
        "metadata:",
        f"  name: {crd['metadata']['name']}",
        "  labels:",
        '    {{- include "bind-operator.labels" . | nindent 4 }}',
        "  {{- if .Values.crds.keep }}",
        "  annotations:",
        "    helm.sh/resource-policy: keep",
        "  {{- end }}",
    ]
    return "\n".join(head) + f"\n{spec}{{{{- end }}}}\n"


def render_install(helm: str) -> str:
    """Return all of the operator in one manifest, as the chart makes it in namespace bind-system.

    Raises GenerateFailed if Helm does not render the chart.
    """
    with tempfile.TemporaryDirectory() as home:
        result = subprocess.run(
            [
                helm,
                "template",
                "bind-operator",
                str(ROOT / "charts/bind-operator"),
                "--namespace=bind-system",
                "--kube-version=1.35.0",
                # Applied, the pod of `helm test` would run beside the first start of the operator, and stay.
                "--skip-tests",
            ],
            env={"HOME": home, "PATH": os.environ.get("PATH", "")},
            capture_output=True,
            text=True,
            check=False,
        )
    if result.returncode:
        raise GenerateFailed(f"helm cannot render charts/bind-operator: {result.stderr.strip()}")
    namespace = _dump({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "bind-system"}})
    return f"# {MADE_BY}\n---\n{namespace}{result.stdout}"


def _dump(manifest: object) -> str:
    return yaml.safe_dump(manifest, sort_keys=False, width=110, allow_unicode=True)


def find_helm() -> str:
    """Return the path of Helm: $HELM, or the one on the PATH, or the local cluster's.

    Raises GenerateFailed if there is none.
    """
    cache = Path(
        os.environ.get("BIND_CACHE")
        or Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "bindvectorizer"
    )
    candidates = [os.environ.get("HELM"), shutil.which("helm"), *map(str, sorted(cache.glob("bin/**/helm")))]
    for candidate in filter(None, candidates):
        if os.access(candidate, os.X_OK):
            return candidate
    raise GenerateFailed("there is no helm; set HELM to its path, put it on the PATH, or run `make cluster`")


def read_chart_values(chart: str) -> tuple[ChartValue, ...]:
    """Return the values of one of our charts. Raises UnclearValue."""
    return read_values((ROOT / "charts" / chart / "values.yaml").read_text(encoding="utf-8"))


def read_upstream(chart: str) -> Upstream | None:
    """Return what one of our charts says of its upstream's values; None if it has no upstream."""
    path = ROOT / "charts" / chart / UPSTREAM_FILE
    return parse_upstream(yaml.safe_load(path.read_text(encoding="utf-8"))) if path.exists() else None


def generated_files() -> dict[str, str]:
    """Return the text of each generated file by its path from the root, the CRD's first.

    Raises UnclearValue if a chart's values.yaml does not tell what the files of its values should say.
    """
    files = {
        "manifests/crds.yaml": render_crd(),
        CRD_CHART_FILE: render_crd_template(),
        "docs/reference/bindvectorizer.md": f"<!-- {MADE_BY} -->\n{build_reference()}",
        "docs/reference/operator.md": f"<!-- {MADE_BY} -->\n{build_settings_reference()}",
    }
    for chart in CHARTS:
        values = read_chart_values(chart)
        upstream = read_upstream(chart)
        taken = taken_values(upstream) if upstream else ()
        files[f"charts/{chart}/values.schema.json"] = build_values_schema(chart, (*values, *taken))
        page = build_values_reference(chart, values)
        files[f"docs/reference/chart-{chart}.md"] = f"<!-- {MADE_BY} -->\n{page}"
        if upstream:
            compared = build_upstream_page(values, upstream)
            files["docs/reference/upstream-values.md"] = f"<!-- {MADE_BY} -->\n{compared}"
    return files


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit status: 1 if `--check` finds a stale file or a file cannot be made."""
    parser = argparse.ArgumentParser(prog="python -m bind_operator.docs.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; name the stale files")
    check: bool = parser.parse_args(arguments).check
    try:
        stale = _update(generated_files(), check=check)
        # Last, because Helm reads the chart's own CRD.
        install = render_install(find_helm())
        rights = f"<!-- {MADE_BY} -->\n{build_rights_reference(install)}\n"
        stale += _update({"manifests/install.yaml": install, "docs/reference/rights.md": rights}, check=check)
    except (GenerateFailed, UnclearValue) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    for path in stale:
        sys.stdout.write(f"{path}: {'stale; run `make generate`' if check else 'written'}\n")
    return 1 if check and stale else 0


def _update(files: dict[str, str], *, check: bool) -> list[str]:
    """Return the paths whose text differs, after writing them unless `check`."""
    stale = []
    for name, text in files.items():
        path = ROOT / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
            if not check:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
    return stale


if __name__ == "__main__":
    sys.exit(main())
