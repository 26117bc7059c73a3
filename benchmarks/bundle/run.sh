#!/bin/sh
# Trains and samples what can be made here, and packs what goes home into back/.
#
#   sh run.sh [options of 'python -m benchmarks sample']
#
# PYTHON: an interpreter that has torch (python3). DEVICE: cuda or cpu (cuda where torch sees one).
# WORK: where stages leave their work (runs/). PART: size of a file in back/ at most (15MB).
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
pack # what an earlier run has finished; a wrong PART is noticed now
status=0
for experiment in experiments/*.yaml; do
    "$python" -m benchmarks sample "$experiment" --away --workspace "$work" --device "$device" "$@" ||
        status=$?
    pack
done
exit $status
