# Sourced by run.sh and speed.sh: unpacks the wheels, and sets the paths of code and data.
absolute() {
    case $1 in
    /* | "") printf %s "$1" ;;
    */*) printf %s "$PWD/$1" ;;
    *) printf %s "$1" ;; # a command on the path
    esac
}
python=$(absolute "${PYTHON:-python3}")
cd "$here"
"$python" - <<'EOF' || exit 2
import importlib.util, json, sys

with open("bundle.json") as file:
    wanted = json.load(file)["python"]
found = "%d.%d" % sys.version_info[:2]
if found != wanted:
    sys.exit("error: the bundle is for Python %s, and this is Python %s; set PYTHON, or make the bundle with --python %s" % (wanted, found, found))
if importlib.util.find_spec("torch") is None:
    sys.exit("error: %s has no torch; set PYTHON to an interpreter with torch" % sys.executable)
EOF
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
