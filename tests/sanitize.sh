#!/usr/bin/env bash
# Builds the kernels with ASAN and UBSAN in a copy of the tree and runs the tests that reach them: those of every rule,
# with few examples, and fewer wrong cells in the poison test. Two halves run side by side.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
python=$(cd "$root" && realpath -s "$PYTHON")
copy=$(mktemp -d)
trap 'jobs -p | xargs -r kill 2>/dev/null || true; rm -rf "$copy"' EXIT
cd "$root"
git ls-files -z --cached --others --exclude-standard | tar --null --files-from=- --create | tar --extract --directory "$copy"
cd "$copy"
DQCORE_BUILD=sanitize "$python" setup.py -q build_ext --inplace
export PYTHONPATH="$copy/src:$copy/tests" PYTHONMALLOC=malloc
export DQCORE_DATA="${DQCORE_DATA:-$root/../shared/data}"
export ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1 UBSAN_OPTIONS=print_stacktrace=1
export DQCORE_EXAMPLES=few DQCORE_PLANTS=8000
runtimes="$(gcc -print-file-name=libasan.so) $(gcc -print-file-name=libstdc++.so)"
checked() {
  # The interpreter is not instrumented, so the runtimes come first.
  LD_PRELOAD="$runtimes" "$python" -m pytest -q -s -p no:cacheprovider "$@"
}
other="$copy/other-half.txt"
checked tests/rules/test_[a-l]*.py >"$other" 2>&1 &
half=$!
status=0
checked tests/rules/test_[m-z]*.py tests/_native tests/sql/test_predicate.py tests/sources/test_csv.py tests/sources/test_hl7v2.py tests/sources/test_lis2.py \
  tests/sources/test_messages_fuzz.py tests/test_*.py || status=$?
wait "$half" || status=$?
cat "$other"
exit "$status"
