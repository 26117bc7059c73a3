#!/bin/sh
# Runs this bundle: trains and samples what it can here, and packs what goes back into back/.
#
#   sh run.sh [options of 'python -m benchmarks sample']
#
# PYTHON: an interpreter that has torch (python3). DEVICE: cuda or cpu (cuda where torch sees one).
# WORK: where stages leave their work (runs/). PART: bytes of a file in back/ (15000000).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cd "$here"
python=${PYTHON:-python3}
work=${WORK:-$here/runs}
if [ ! -d site ]; then
    mkdir site.part
    for wheel in wheels/*.whl; do
        [ -e "$wheel" ] && "$python" -m zipfile -e "$wheel" site.part
    done
    mv site.part site
fi
export PYTHONPATH="$here/code:$here/site${PYTHONPATH:+:$PYTHONPATH}"
export XDG_CACHE_HOME="$here/cache"
export PYTHONUNBUFFERED=1
device=${DEVICE:-$("$python" -c 'import torch; print("cuda" if torch.cuda.is_available() else "cpu")')}
mkdir -p "$work"
cp bundle.json "$work"
status=0
for experiment in experiments/*.yaml; do
    "$python" -m benchmarks sample "$experiment" --away --workspace "$work" --device "$device" "$@" ||
        status=$?
done
"$python" -m benchmarks.bundle.back "$work" back "${PART:-15000000}"
exit $status
