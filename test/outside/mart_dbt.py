"""Compares DT_3 that dbt built with DT_3 that `tieout mart run` gives, cell by cell.

    mart_dbt.py MART.duckdb TABLE RUN.csv

Decimals are compared as decimals; everything else as text. Exits 1 with the first differences.
"""

import csv
import sys
from decimal import Decimal

import duckdb


def cell(column: str, text: str | None, figures: set[str]):
    if text is None or text == "":
        return None
    return Decimal(text) if column in figures else text


def main(database: str, table: str, run: str) -> int:
    with open(run, newline="", encoding="utf-8") as file:
        columns, *rows = csv.reader(file)
    connection = duckdb.connect(database, read_only=True)
    described = connection.execute(f'DESCRIBE "{table}"').fetchall()
    figures = {name for name, kind, *_ in described if kind.startswith("DECIMAL")}
    if [name for name, *_ in described] != columns:
        print(f"columns differ: {[name for name, *_ in described]} and {columns}")
        return 1
    listed = ", ".join(f'CAST("{name}" AS VARCHAR)' for name in columns)
    built = connection.execute(f'SELECT {listed} FROM "{table}"').fetchall()
    key = columns.index("SURROGATE_KEY")
    by_key = {row[key]: row for row in built}
    differences = []
    for row in rows:
        other = by_key.pop(row[key], None)
        if other is None:
            differences.append(f"{row[key]}: not in what dbt built")
            continue
        for name, ours, theirs in zip(columns, row, other):
            if cell(name, ours, figures) != cell(name, theirs, figures):
                differences.append(f"{row[key]} {name}: {ours} and {theirs}")
    differences += [f"{extra}: only in what dbt built" for extra in by_key]
    print(f"{table}: {len(rows)} rows, {len(rows) * len(columns)} cells, {len(differences)} differences")
    for line in differences[:10]:
        print(f"  {line}")
    return 1 if differences or not rows or len(built) != len(rows) else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
