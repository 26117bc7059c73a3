#!/bin/sh
# Trains and samples what can be made here, and packs what goes home into back/.
#
#   sh run.sh [options of 'python -m benchmarks sample']
#
# PYTHON: an interpreter that has torch (python3). DEVICE: cuda or cpu (cuda where torch sees one).
# WORK: where stages leave their work (runs/). PART: bytes of a file in back/ (15000000).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/setup.sh"
work=${WORK:-$here/runs}
mkdir -p "$work"
cp bundle.json "$work"
status=0
for experiment in experiments/*.yaml; do
    "$python" -m benchmarks sample "$experiment" --away --workspace "$work" --device "$device" "$@" ||
        status=$?
done
"$python" -m benchmarks.bundle.back "$work" back "${PART:-15000000}"
exit $status
