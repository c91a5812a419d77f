"""Executes the Snowflake text of every sample mart on fakesnow, an emulator of a Snowflake account, and compares DT_3 with
that of `tieout mart run`, cell by cell.

    mart_emulator.py --cli dist/cli.js MART.yaml …

The connector of Snowflake speaks to it; it translates each statement by sqlglot and runs it on DuckDB. It has no dynamic
tables, so their queries make tables: what refreshes them is not run. Decimals are compared as decimals; a quotient may be
as far off as a double is, for the emulator divides doubles where Snowflake divides numbers of 38 digits.
"""

import csv
import io
import pathlib
import sys
from decimal import Decimal

import fakesnow
import fakesnow.transforms
import snowflake.connector
import sqlglot
from marts import each_mart, tieout

# Whole numbers of Snowflake have 38 digits; the emulator would make 64 bits of them.
fakesnow.transforms.integer_precision = lambda expression: expression

TYPES_OF_FIGURES = (0, 1)  # FIXED and REAL, of the connector
ROWS_OF_INSERT = 500
NEAR = Decimal(2) ** -50


def constant(cell: str) -> str:
    return "NULL" if cell == "" else "'" + cell.replace("\\", "\\\\").replace("'", "''") + "'"


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def load(cursor, folder: pathlib.Path) -> None:
    for file in sorted(folder.glob("*.csv")):
        with open(file, newline="", encoding="utf-8") as opened:
            columns, *rows = csv.reader(opened)
        table = f"ANALYTICS.PUBLIC.{quoted(file.stem)}"
        cursor.execute(f"CREATE TABLE {table} ({', '.join(f'{quoted(name)} VARCHAR' for name in columns)})")
        for start in range(0, len(rows), ROWS_OF_INSERT):
            values = ", ".join(f"({', '.join(map(constant, row))})" for row in rows[start : start + ROWS_OF_INSERT])
            cursor.execute(f"INSERT INTO {table} VALUES {values}")


def built(cursor, files: list[pathlib.Path]) -> str:
    """The name of the last object."""
    name = ""
    for file in files:
        create = sqlglot.parse_one(file.read_text(), dialect="snowflake")
        name = create.this.sql(dialect="snowflake")
        kind = "VIEW" if create.kind == "VIEW" else "TABLE"
        cursor.execute(f"CREATE OR REPLACE {kind} {name} AS {create.expression.sql(dialect='snowflake')}")
    return name


def look(cli: str, config: pathlib.Path, work: pathlib.Path) -> tuple[str, list[str]]:
    out = work / config.parent.name
    tieout(cli, str(work / "db"), "mart", "generate", str(config), "--dialect", "snowflake", "--out", str(out))
    run = tieout(cli, str(work / "db"), "mart", "run", str(config), "--format", "csv")
    columns, *rows = csv.reader(io.StringIO(run))
    with fakesnow.patch():
        connection = snowflake.connector.connect(database="ANALYTICS", schema="PUBLIC")
        cursor = connection.cursor()
        load(cursor, config.parent)
        table = built(cursor, sorted(out.glob("0*.sql")))
        cursor.execute(f"SELECT {', '.join(map(quoted, columns))} FROM {table}")
        figures = {column.name for column in cursor.description if column.type_code in TYPES_OF_FIGURES}
        theirs = {row[columns.index("SURROGATE_KEY")]: row for row in cursor.fetchall()}
        connection.close()
    near = 0
    # A difference of quotients is as far off as the larger of them.
    largest = max(abs(Decimal(row[at])) for at, name in enumerate(columns) if name in figures for row in rows if row[at])
    wrong = []
    for row in rows:
        other = theirs.pop(row[columns.index("SURROGATE_KEY")], None)
        if other is None:
            wrong.append(f"{row}: not on the emulator")
            continue
        for name, ours, there in zip(columns, row, other):
            if (ours or None) == (None if there is None else str(there)):
                continue
            if name in figures and ours != "" and there is not None:
                distance = abs(Decimal(ours) - Decimal(str(there)))
                if distance == 0:
                    continue
                if distance <= largest * NEAR:
                    near += 1
                    continue
            wrong.append(f"{name} of {row[columns.index('SURROGATE_KEY')]}: {ours} and {there}")
    wrong += [f"{key}: only on the emulator" for key in theirs]
    if not rows:
        wrong.append("the mart has no rows")
    cells = len(rows) * len(columns)
    return f"{cells} cells on the emulator, {near} of them quotients as near as a double, {len(wrong)} differ", wrong


if __name__ == "__main__":
    sys.exit(each_mart(look))
