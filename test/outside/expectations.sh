#!/usr/bin/env bash
# The checks of every sample mart under Great Expectations, which is installed from PyPI into a folder of its own, and as
# plain SQL: they hold on the mart that PostgreSQL built, and each planted defect breaks one of both.
# Usage: expectations.sh FOLDER SERVER
set -euo pipefail
cd "$(dirname "$0")/../.."
work=${1:-$(mktemp -d)}
server=${2:-postgres://root@127.0.0.1:5432/test}
mkdir -p "$work"
[ -x "$work/gx/bin/python" ] || {
  python3 -m venv "$work/gx"
  "$work/gx/bin/pip" install --quiet --quiet 'great_expectations==1.24.1' 'psycopg2-binary==2.9.13' 'SQLAlchemy==2.1.9'
}
export GX_ANALYTICS_ENABLED=false
for mart in examples/mart/*/mart.yaml; do
  "$work/gx/bin/python" test/outside/mart_gx.py --cli dist/cli.js --config "$mart" --work "$work" --server "$server" |
    grep -v 'unexpected_rows_query should contain'
done
