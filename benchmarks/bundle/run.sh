#!/bin/sh
# Runs the stages that need no search or scores, and packs finished stages into back/.
#
#   sh run.sh [options of 'python -m benchmarks sample']
#
# PYTHON: an interpreter that has torch (python3). DEVICE: cuda or cpu (cuda where torch sees one).
# WORK: folder of the stages' work (runs/). PART: largest size of a file in back/ (15MB).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
caller=$PWD
. "$here/setup.sh"
case ${WORK:-} in
"") work=$here/runs ;;
/*) work=$WORK ;;
*) work=$caller/$WORK ;;
esac
pack() {
    "$python" -m benchmarks.bundle.back "$work" back "${PART:-15MB}"
}
mkdir -p "$work"
cp bundle.json "$work"
pack # finished stages of an earlier run; also refuses a wrong PART at once
status=0
for experiment in experiments/*.yaml; do
    "$python" -m benchmarks sample "$experiment" --away --workspace "$work" --device "$device" "$@" ||
        status=$?
    pack
done
exit $status
