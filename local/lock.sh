#!/usr/bin/env bash
# Write requirements/*.txt: exact pins with hashes, and without hosts. One resolution for all: the images take subsets of dev.txt.
# usage: local/lock.sh [--upgrade]     needs .venv (make venv)
set -euo pipefail
cd "$(dirname "$0")/.."
uv=${UV:-.venv/bin/uv}
# Only releases that have settled: mirrors differ in how fast the newest ones reach them.
before=2026-09-01
compile() { "$uv" pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest --exclude-newer "$before" --generate-hashes --no-emit-index-url \
  --custom-compile-command "make lock" "$@"; }
compile --extra dev pyproject.toml -o requirements/dev.txt "$@"
compile --extra operator -c requirements/dev.txt pyproject.toml -o requirements/operator.txt
# The image brings what its optional commands need: beside torch that is little.
compile --extra inference --extra otel --extra load -c requirements/dev.txt pyproject.toml -o requirements/inference.txt
# torch apart: its layer of the inference image, by far the largest, must not move with any other pin.
echo torch | compile - -c requirements/dev.txt -o requirements/torch.txt
echo uv | compile - -o requirements/uv.txt
