#!/bin/bash
# Validates openapi.json with openapi-spec-validator, in a virtual environment of its own.
set -euo pipefail
cd "$(dirname "$0")/.."

environment=.build/python
if [ ! -x "$environment/bin/openapi-spec-validator" ]; then
    python3 -m venv "$environment"
    "$environment/bin/pip" install --quiet --disable-pip-version-check "openapi-spec-validator==0.9.0"
fi
"$environment/bin/openapi-spec-validator" --schema 3.1 openapi.json
