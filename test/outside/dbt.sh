#!/usr/bin/env bash
# The dbt project of every sample mart, built by dbt-duckdb, which is installed from PyPI into a folder of its own: every
# model, data test and unit test passes, and DT_3 that dbt built is DT_3 of `tieout mart run`, cell by cell.
# Usage: dbt.sh [FOLDER]
set -euo pipefail
cd "$(dirname "$0")/../.."
work=${1:-$(mktemp -d)}
mkdir -p "$work"
[ -x "$work/dbt/bin/dbt" ] || {
  python3 -m venv "$work/dbt"
  "$work/dbt/bin/pip" install --quiet --quiet 'dbt-core==1.10.23' 'dbt-duckdb==1.10.1' 'duckdb==1.5.5'
}
export DBT_SEND_ANONYMOUS_USAGE_STATS=false
for mart in examples/mart/*/mart.yaml; do
  name=$(basename "$(dirname "$mart")")
  project="$work/project-$name"
  rm -rf "$project" "$project-again"
  node dist/cli.js --db "$work/db" mart dbt "$mart" --out "$project" >/dev/null
  node dist/cli.js --db "$work/db" mart dbt "$mart" --out "$project-again" >/dev/null
  diff -r "$project" "$project-again"
  node dist/cli.js --db "$work/db" mart run "$mart" --format csv >"$work/$name.csv" 2>/dev/null
  (cd "$project" && "$work/dbt/bin/dbt" build --quiet --no-use-colors)
  model=$(sed -n 's/^ *alias="\(DT_3_.*\)".*/\1/p' "$project"/models/dt_3_*.sql)
  "$work/dbt/bin/python" test/outside/mart_dbt.py "$project/mart.duckdb" "$model" "$work/$name.csv"
done
