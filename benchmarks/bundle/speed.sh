#!/bin/sh
# Times networks, training and whole samplers, and writes the document to back/speed/.
#
#   sh speed.sh [SECONDS]
#
# No case starts after SECONDS (150). PYTHON and DEVICE: see run.sh.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/setup.sh"
exec "$python" -m benchmarks speed --device "$device" --seconds "${1:-150}" --results back/speed
