#!/usr/bin/env bash
# Builds the kernels with ASAN and UBSAN in a copy of the tree and runs the tests that reach them.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
python=$(cd "$root" && realpath -s "$PYTHON")
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
cd "$root"
git ls-files -z --cached --others --exclude-standard | tar --null --files-from=- --create | tar --extract --directory "$copy"
cd "$copy"
DQCORE_BUILD=sanitize "$python" setup.py -q build_ext --inplace
export PYTHONPATH="$copy/src:$copy/tests" PYTHONMALLOC=malloc
export DQCORE_DATA="${DQCORE_DATA:-$root/../shared/data}"
export ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1 UBSAN_OPTIONS=print_stacktrace=1
# The interpreter is not instrumented, so the runtimes come first.
LD_PRELOAD="$(gcc -print-file-name=libasan.so) $(gcc -print-file-name=libstdc++.so)" \
  "$python" -m pytest -q -s -p no:cacheprovider \
  tests/_native tests/rules/test_unique.py tests/rules/test_match.py tests/test_false_passes.py
