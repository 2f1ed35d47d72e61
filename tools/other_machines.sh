#!/usr/bin/env bash
# The tests as other machines would run them: older processors, other core counts, another place.
#   tools/other_machines.sh            the part that computes (no browser, no notebooks)
#   ALL=1 tools/other_machines.sh      every test
#   tools/other_machines.sh tests/test_models.py -x     these arguments for pytest instead
# VARIANTS="avx2 elsewhere" chooses some; PYTHON names the interpreter. Each run has its own order.
set -u
cd "$(dirname "$0")/.."
PYTHON=${PYTHON:-.venv/bin/python}
VARIANTS=${VARIANTS:-"oldest avx2 elsewhere"}
if [ $# = 0 ] && [ -z "${ALL:-}" ]; then set -- -m "not browser and not slow"; fi

# Names of numpy's instruction sets that this processor has, without those given.
numpy_features() {
    "$PYTHON" - "$@" <<'CODE'
import sys
from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__
print(*(name for name in __cpu_dispatch__ if __cpu_features__[name] and name not in sys.argv))
CODE
}

settings() {
    case $1 in
    oldest) # SSE4.1, and one core
        echo "ATEN_CPU_CAPABILITY=default" "ONEDNN_MAX_CPU_ISA=SSE41" "CT2_FORCE_CPU_ISA=GENERIC"
        echo "OPENBLAS_CORETYPE=Nehalem" "MKL_CBWR=COMPATIBLE" "OMP_NUM_THREADS=1"
        echo "NPY_DISABLE_CPU_FEATURES=$(numpy_features | tr ' ' ,)"
        ;;
    avx2) # most machines of today, and more threads than there are cores in many of them
        echo "ATEN_CPU_CAPABILITY=avx2" "ONEDNN_MAX_CPU_ISA=AVX2" "CT2_FORCE_CPU_ISA=AVX2"
        echo "OPENBLAS_CORETYPE=Haswell" "MKL_CBWR=AVX2" "OMP_NUM_THREADS=4"
        echo "NPY_DISABLE_CPU_FEATURES=$(numpy_features X86_V3 AVX2 FMA3 | tr ' ' ,)"
        ;;
    elsewhere) # this processor, in a shell without a language
        echo "LC_ALL=C" "TZ=Asia/Tokyo"
        ;;
    *) return 1 ;;
    esac
}

failed=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT
for variant in $VARIANTS; do
    if ! pairs=$(settings "$variant"); then
        echo "there is no variant '$variant'" >&2
        exit 2
    fi
    order=(-p no:cacheprovider "--randomly-seed=$RANDOM")
    spread=(-n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder)
    # shellcheck disable=SC2086  # one word for each pair
    if env $pairs "$PYTHON" -m pytest -q "${spread[@]}" "${order[@]}" "$@" >"$log" 2>&1; then
        told=passed
    else
        told=FAILED
        failed=1
        grep -E '^(FAILED|ERROR|E  )' "$log" || tail -n 20 "$log"
    fi
    echo "$variant $told: $(tail -n 1 "$log") (${order[2]})"
done
exit $failed
