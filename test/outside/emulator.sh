#!/usr/bin/env bash
# The Snowflake text of every sample mart executed on an emulator of an account, which is installed from PyPI into a folder
# of its own; DT_3 there is DT_3 of `tieout mart run`, cell by cell.
# Usage: emulator.sh [FOLDER]
set -euo pipefail
cd "$(dirname "$0")/../.."
work=${1:-$(mktemp -d)}
mkdir -p "$work"
[ -x "$work/emulator/bin/python" ] || {
  python3 -m venv "$work/emulator"
  "$work/emulator/bin/pip" install --quiet --quiet 'fakesnow==0.12.1' 'snowflake-connector-python==4.8.1'
}
"$work/emulator/bin/python" -W ignore test/outside/mart_emulator.py --cli dist/cli.js examples/mart/*/mart.yaml
