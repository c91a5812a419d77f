#!/usr/bin/env bash
# Lots beside beancount, which books the same trades by itself; it is installed from PyPI into a folder of its own.
# Usage: lots.sh [FOLDER] [TRADES]
set -euo pipefail
cd "$(dirname "$0")/../.."
work=${1:-$(mktemp -d)}
trades=${2:-20000}
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --quiet 'beancount==3.1.0'
"$work/venv/bin/python" test/outside/lots_beancount.py --trades "$trades" --symbols 50 --seeds 1..1
