#!/bin/bash
# Holds trained networks against SCIP and HiGHS, which an environment of its own has. Usage: check-training.sh
# CREASE_BENCH [METHOD]...
set -euo pipefail
cd "$(dirname "$0")/.."

environment=.build/solvers
if [ ! -e "$environment/complete" ]; then
    python3 -m venv "$environment"
    "$environment/bin/pip" install --quiet --disable-pip-version-check numpy==2.3.4 scipy==1.17.1 PySCIPOpt==6.3.0
    touch "$environment/complete"
fi
"$environment/bin/python" scripts/check_training.py "$@"
