"""Reads the Snowflake text of every sample mart back with sqlglot, which shares nothing with the printer.

    mart_snowflake.py --cli dist/cli.js MART.yaml …

Each file is one statement; dynamic tables have lag, warehouse and refresh mode; every column that DT_3 has in `mart run`
is in its text, in order; every table that is read is one of the configuration or an object made before.
"""

import csv
import io
import pathlib
import re
import sys

import sqlglot
from marts import each_mart, tieout
from sqlglot import exp


def look(cli: str, config: pathlib.Path, work: pathlib.Path) -> tuple[str, list[str]]:
    db = str(work / "db")
    out = work / config.parent.name
    tieout(cli, db, "mart", "generate", str(config), "--dialect", "snowflake", "--out", str(out))
    run = tieout(cli, db, "mart", "run", str(config), "--format", "csv")
    columns = next(csv.reader(io.StringIO(run)))
    known = {name.split(".")[-1] for name in re.findall(r"\bANALYTICS\.PUBLIC\.\w+", config.read_text())}
    wrong = []
    for file in sorted(out.glob("0*.sql")):
        statements = sqlglot.parse(file.read_text(), dialect="snowflake")
        if len(statements) != 1 or not isinstance(statements[0], exp.Create):
            wrong.append(f"{file.name}: not one CREATE")
            continue
        create = statements[0]
        said = {p.name.upper(): p.args["value"].name for p in create.find_all(exp.Property) if type(p) is exp.Property}
        if file.name.startswith("01"):
            wrong += [] if create.kind == "VIEW" else [f"{file.name}: no view"]
        else:
            lag = said.get("TARGET_LAG")
            leaf = file.name.startswith("04")
            if create.find(exp.DynamicProperty) is None or not said.get("WAREHOUSE"):
                wrong.append(f"{file.name}: no dynamic table with a warehouse")
            if (lag == "DOWNSTREAM") == leaf:
                wrong.append(f"{file.name}: lag {lag}")
            if said.get("REFRESH_MODE") not in ("INCREMENTAL", "FULL"):
                wrong.append(f"{file.name}: refresh mode {said.get('REFRESH_MODE')}")
        queries = {cte.alias for cte in create.find_all(exp.CTE)}
        for table in create.expression.find_all(exp.Table):
            if table.name not in known | queries:
                wrong.append(f"{file.name}: reads {table.name}, which nothing has made")
        known.add(create.this.name)
        if file.name.startswith("04") and create.expression.named_selects != columns:
            wrong.append(f"{file.name}: columns {create.expression.named_selects}")
    return "read back as planned" if not wrong else f"{len(wrong)} wrong", wrong


if __name__ == "__main__":
    sys.exit(each_mart(look))
