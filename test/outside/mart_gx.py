"""The checks of a mart, run by Great Expectations and as plain SQL over a mart that PostgreSQL built from generated SQL.

    mart_gx.py --cli dist/cli.js --config MART.yaml --work FOLDER --server postgres://…

All of them hold on the mart as generated. Then figures of it are changed one after another, and each change must break
a check of both. Prints what broke what; exits 1 when anything is otherwise.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import warnings

import great_expectations as gx
import psycopg2
from great_expectations.core.expectation_suite import ExpectationSuite

DEFECTS = {
    "a sign of DT_3A turned": (
        'UPDATE "{dt3a}" SET "{measure}" = -"{measure}" WHERE ctid = '
        '(SELECT min(ctid) FROM "{dt3a}" WHERE "{measure}" <> 0)'
    ),
    "a node of DT_3A lost": 'DELETE FROM "{dt3a}" WHERE "XREF_HIERARCHY_KEY" = (SELECT min("XREF_HIERARCHY_KEY") FROM "{dt3a}")',
    "a total of DT_3 off by a cent": (
        'UPDATE "{dt3}" SET "{measure}" = "{measure}" + 0.01 WHERE ctid = '
        "(SELECT min(ctid) FROM \"{dt3}\" WHERE \"ROW_KIND\" = 'TOTAL')"
    ),
    "a formula of DT_3 turned": (
        'UPDATE "{dt3}" SET "{measure}" = -"{measure}" WHERE ctid = (SELECT min(ctid) FROM "{dt3}" '
        "WHERE \"ROW_KIND\" = 'FORMULA' AND \"ADDITIVE_FLAG\" = 'Y' AND \"{measure}\" <> 0)"
    ),
    "a row of DT_3 twice": 'INSERT INTO "{dt3}" SELECT * FROM "{dt3}" LIMIT 1',
}


def tieout(cli: str, work: pathlib.Path, *words: str) -> str:
    command = ["node", cli, "--db", str(work / "db"), *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def load(config: pathlib.Path, connection, catalog: str) -> pathlib.Path:
    """The tables by the names that the configuration has, from the files beside it, in a catalog of their own."""
    text = config.read_text()
    cursor = connection.cursor()
    cursor.execute('CREATE SCHEMA "PUBLIC"')
    for name in sorted(set(re.findall(r"\bANALYTICS\.PUBLIC\.(\w+)", text))):
        with open(config.parent / f"{name}.csv", encoding="utf-8") as file:
            columns = ", ".join(f'"{column}" text' for column in file.readline().rstrip("\n").split(","))
            cursor.execute(f'CREATE TABLE "PUBLIC"."{name}" ({columns})')
            cursor.copy_expert(f'COPY "PUBLIC"."{name}" FROM STDIN WITH (FORMAT csv)', file)
    connection.commit()
    named = config.parent / f".{catalog}.yaml"
    named.write_text(text.replace("ANALYTICS.PUBLIC.", f"{catalog}.PUBLIC."))
    return named


def broken_by_sql(connection, checks: pathlib.Path) -> set[str]:
    cursor = connection.cursor()
    broken = set()
    for file in checks.glob("*.sql"):
        cursor.execute(file.read_text())
        if cursor.fetchone() is not None:
            broken.add(file.stem)
    connection.rollback()
    return broken


def broken_by_gx(url: str, suite: dict, table: str) -> set[str]:
    context = gx.get_context(mode="ephemeral")
    source = context.data_sources.add_postgres(name="mart", connection_string=url)
    asset = source.add_table_asset(name="dt3", table_name=f'"{table}"')
    batch = asset.add_batch_definition_whole_table("whole").get_batch()
    loaded = context.suites.add(ExpectationSuite(**suite))
    assert len(loaded.expectations) == len(suite["expectations"])
    result = batch.validate(loaded)
    for one in result.results:
        raised = [info for info in nested(one.exception_info) if info.get("raised_exception")]
        if raised:
            raise RuntimeError(raised[0].get("exception_traceback"))
    return {one.expectation_config.meta["name"] for one in result.results if not one.success}


def nested(info: dict | None):
    """GX gives what was raised by itself, or by the metric that raised it."""
    if not info:
        return []
    return [info] if "raised_exception" in info else list(info.values())


def main() -> int:
    warnings.filterwarnings("ignore")
    parser = argparse.ArgumentParser()
    for name in ("--cli", "--config", "--work", "--server"):
        parser.add_argument(name, required=True)
    given = parser.parse_args()
    config, work = pathlib.Path(given.config).resolve(), pathlib.Path(given.work) / "gx-run"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    catalog = f"tieout_gx_{os.getpid()}"
    server = given.server.replace("postgres://", "postgresql://")
    admin = psycopg2.connect(server)
    admin.autocommit = True
    admin.cursor().execute(f"CREATE DATABASE {catalog}")
    url = f"{server.rsplit('/', 1)[0]}/{catalog}"
    named = None
    try:
        connection = psycopg2.connect(url)
        named = load(config, connection, catalog)
        failures = compare(given.cli, named, work, connection, url)
        connection.close()
    finally:
        if named is not None:
            named.unlink()
        admin.cursor().execute(f"DROP DATABASE {catalog} WITH (FORCE)")
        admin.close()
    print(f"{config.parent.name}: {failures} failures")
    return 1 if failures else 0


def has_formulas(cursor, table: str) -> bool:
    cursor.execute(f"SELECT FROM \"{table}\" WHERE \"ROW_KIND\" = 'FORMULA' AND \"ADDITIVE_FLAG\" = 'Y' LIMIT 1")
    return cursor.fetchone() is not None


def compare(cli: str, config: pathlib.Path, work: pathlib.Path, connection, url: str) -> int:
    dialect = ("--dialect", "postgres")
    tieout(cli, work, "mart", "generate", str(config), *dialect, "--out", str(work / "sql"))
    words = ("mart", "expectations", str(config), *dialect, "--out", str(work / "checks"), "--json")
    written = json.loads(tieout(cli, work, *words))
    suite = json.loads((work / "checks" / written["suite"]).read_text())
    cursor = connection.cursor()
    cursor.execute((work / "sql" / "pipeline.sql").read_text())
    connection.commit()
    cursor.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
    tables = [name for (name,) in cursor.fetchall()]
    names = {
        "dt3a": next(name for name in tables if name.startswith("DT_3A_")),
        "dt3": next(name for name in tables if name.startswith("DT_3_")),
    }
    cursor.execute("SELECT column_name FROM information_schema.columns WHERE table_name = %s", (names["dt3"],))
    names["measure"] = next(name[: -len("_STATUS")] for (name,) in cursor.fetchall() if name.endswith("_STATUS"))
    failures = 0
    for defect, sql in [("nothing", ""), *DEFECTS.items()]:
        for table in (names["dt3a"], names["dt3"]):
            cursor.execute(f'CREATE TABLE IF NOT EXISTS "kept {table}" AS SELECT * FROM "{table}"')
        if sql:
            cursor.execute(sql.format(**names))
            if cursor.rowcount == 0 and defect == "a formula of DT_3 turned" and not has_formulas(cursor, names["dt3"]):
                connection.commit()
                print(f"--  {defect}: it has no additive formula")
                continue
        connection.commit()
        by_sql, by_gx = broken_by_sql(connection, work / "checks" / "sql"), broken_by_gx(url, suite, names["dt3"])
        for table in (names["dt3a"], names["dt3"]):
            cursor.execute(f'DELETE FROM "{table}"')
            cursor.execute(f'INSERT INTO "{table}" SELECT * FROM "kept {table}"')
        connection.commit()
        right = by_sql == by_gx and bool(by_sql) == bool(sql)
        failures += not right
        print(f"{'ok ' if right else 'NOT'} {defect}: {', '.join(sorted(by_gx)) or 'every check holds'}")
        if by_sql != by_gx:
            print(f"    by SQL: {', '.join(sorted(by_sql))}")
    print(f"{len(suite['expectations'])} expectations")
    return failures


if __name__ == "__main__":
    sys.exit(main())
