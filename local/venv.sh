#!/usr/bin/env bash
# Make .venv with uv and the pinned requirements, each with its hash; nothing is done when they have not changed.
# usage: local/venv.sh     PYTHON: the interpreter, 3.11 or newer
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
log=.venv/install.log
stamp=.venv/installed
pins=$(cat requirements/uv.txt requirements/dev.txt local/venv.sh | sha256sum)

if [ -x .venv/bin/python ] && [ "$(cat "$stamp" 2>/dev/null)" = "$pins" ]; then
  echo "[1/1] python packages in .venv -- cached"
  exit
fi

fail() {
  echo "failed"
  [ -e "$log" ] && tail -n 15 "$log" | sed 's/^/    /'
  echo "error: $1" >&2
  echo "to do: $2" >&2
  exit 1
}

rm -f "$log"
printf '[1/1] python packages in .venv … '
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
# --compile-bytecode leaves out what is installed already. Packages hold files of other Pythons, which fail: see the log.
.venv/bin/python -m compileall -q -j 0 .venv/lib >>"$log" 2>&1 || true
echo "$pins" >"$stamp"
echo "${SECONDS}s"
