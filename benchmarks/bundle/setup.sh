# Sourced by run.sh and speed.sh: unpacks the wheels, and says where code and data are.
cd "$here"
python=${PYTHON:-python3}
if [ ! -d site ]; then
    rm -rf site.part
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
mkdir -p back
