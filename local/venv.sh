#!/usr/bin/env bash
# Make .venv with uv and the pinned requirements, each with its hash, compile the inference server's kernels, and install
# the project itself, editable, so that its programs and modules are found from any folder. Nothing is done twice.
# usage: local/venv.sh     PYTHON: the interpreter, 3.11 or newer; CC: the compiler, gcc
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
log=.venv/install.log

fail() {
  echo "failed"
  [ -e "$log" ] && tail -n 15 "$log" | sed 's/^/    /'
  echo "error: $1" >&2
  echo "to do: $2" >&2
  exit 1
}

# step TITLE STAMP INPUTS COMMAND: run the command unless the stamp holds the inputs' sum already
step() {
  local began=$SECONDS
  if [ "$(cat "$2" 2>/dev/null)" = "$3" ]; then
    echo "$1 -- cached"
    return
  fi
  printf '%s … ' "$1"
  "$4"
  echo "$3" >"$2"
  echo "$((SECONDS - began))s"
}

packages() {
  rm -f "$log"
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
    fail "$python is not Python 3.11 or newer" "install it, or name one: make venv PYTHON=/path/to/python3.11"
  if ! "$python" -m venv .venv >/dev/null 2>&1; then
    fail "$python cannot make a virtual environment" "install its venv module (Debian: apt-get install python3-venv)"
  fi
  reach="see the lines above; most often the package registry was not reached. Then run make venv again"
  .venv/bin/python -m pip install --quiet --require-hashes -r requirements/uv.txt >"$log" 2>&1 ||
    fail "uv could not be installed" "$reach"
  .venv/bin/uv pip install --python .venv/bin/python --require-hashes -r requirements/dev.txt >>"$log" 2>&1 ||
    fail "the packages of requirements/dev.txt could not be installed" "$reach"
  # Compiled now: where PYTHONDONTWRITEBYTECODE is set, torch alone would take 1.3 s for that at every start. uv's own
  # --compile-bytecode leaves out what is installed already. Packages hold files of other Pythons, which fail: see the
  # log.
  .venv/bin/python -m compileall -q -j 0 .venv/lib >>"$log" 2>&1 || true
}

kernels() {
  log=.venv/kernels.log
  : >"$log"
  if ! command -v "${CC:-gcc}" >/dev/null; then
    [ -z "${CC:-}" ] || fail "the C compiler that CC names, $CC, is not there" "name one that is, or none"
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null ||
      fail "there is no C compiler" "install gcc (Debian: apt-get install gcc libc6-dev)"
    { apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev; } >"$log" 2>&1 ||
      fail "gcc could not be installed" "see the lines above; install gcc and libc6-dev, then run make venv again"
  fi
  "$folder/build.sh" >>"$log" 2>&1 ||
    fail "the kernels could not be compiled" "see the lines above; gcc 12 can (Debian: apt-get install gcc libc6-dev)"
}

# The build backend is among the pins and needs nothing else, so this fetches nothing.
project() {
  log=.venv/project.log
  .venv/bin/uv pip install --python .venv/bin/python --offline --no-deps --no-build-isolation --editable . >"$log" 2>&1 ||
    fail "the project itself could not be installed" "see the lines above; they name what is wrong in pyproject.toml"
}

pins=$(cat requirements/uv.txt requirements/dev.txt local/venv.sh | sha256sum)
[ -x .venv/bin/python ] || rm -f .venv/installed
step "[1/3] python packages in .venv" .venv/installed "$pins" packages

folder=inference/bind_inference/kernels
sources=$({ uname -m; cat "$folder"/build.sh "$folder"/rows.[ch] local/venv.sh; } | sha256sum)
for library in $("$folder/build.sh" --list); do
  [ -e "$folder/$library" ] || rm -f .venv/kernels
done
step "[2/3] kernels of the inference server" .venv/kernels "$sources" kernels

# Where the checkout is counts: the path of its folders is what is installed.
metadata=$({ pwd; cat pyproject.toml hatch_build.py local/venv.sh; } | sha256sum)
[ -x .venv/bin/bind-operator ] || rm -f .venv/project
step "[3/3] the project itself, editable" .venv/project "$metadata" project
