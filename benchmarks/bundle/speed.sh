#!/bin/sh
# Times networks, training and whole samplers here, and leaves the document in back/speed/.
#
#   sh speed.sh [SECONDS]
#
# No case starts after so many seconds (150). PYTHON and DEVICE: see run.sh.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/setup.sh"
exec "$python" -m benchmarks speed --device "$device" --seconds "${1:-150}" --results back/speed
