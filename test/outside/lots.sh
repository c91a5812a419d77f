#!/usr/bin/env bash
# Lots beside beancount and RP2, which match the same trades by themselves; both are installed from PyPI into a folder
# of their own.
# Usage: lots.sh [FOLDER] [TRADES]
set -euo pipefail
cd "$(dirname "$0")/../.."
work=${1:-$(mktemp -d)}
trades=${2:-20000}
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --quiet 'beancount==3.1.0' 'rp2==1.7.2'
"$work/venv/bin/python" test/outside/lots_beancount.py --trades "$trades" --symbols 50 --seeds 1..1
"$work/venv/bin/python" test/outside/lots_rp2.py --trades "$trades" --symbols 4 --seeds 1..1
