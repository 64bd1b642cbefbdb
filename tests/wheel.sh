#!/usr/bin/env bash
# sdist, then wheel from the sdist, then the tests against the installed wheel, away from the sources.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
python=$(cd "$root" && realpath -s "$PYTHON")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$root"
"$python" -m build --outdir "$work/dist" . > "$work/build.log" 2>&1 || { tail -n 40 "$work/build.log"; exit 1; }
"$python" -m venv --system-site-packages "$work/venv" 2> /dev/null
# The dependencies are those of the environment that runs this; only dqcore itself comes from the wheel.
site=$("$python" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')
"$work/venv/bin/python" -m pip install -q --disable-pip-version-check --no-deps --target "$work/site" "$work"/dist/*.whl
cp -r tests "$work/tests"
cp -r docs "$work/docs"
cp pyproject.toml "$work/"
cd "$work"
export DQCORE_DATA="${DQCORE_DATA:-$root/../shared/data}"
# What the code answers was tried with all examples before; here it is what the wheel holds that is in question.
export DQCORE_EXAMPLES=few DQCORE_PLANTS=8000
PYTHONPATH="$work/site:$work/tests:$site" "$work/venv/bin/python" -c "
import dqcore, pathlib
assert pathlib.Path(dqcore.__file__).is_relative_to('$work/site'), dqcore.__file__"
PYTHONPATH="$work/site:$work/tests:$site" "$work/venv/bin/python" -m pytest -q -n auto -p no:benchmark -p no:cacheprovider -m "not cluster" tests
