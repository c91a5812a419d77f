#!/usr/bin/env python3
"""Drives the product's CLI over random cases and compares every cell with the oracle.

    npm run build
    python3 test/outside/run_rollup.py --cli dist/cli.js --seeds 1..8 --policy both --shuffle --tz UTC,Asia/Tokyo
    python3 test/outside/run_rollup.py --cli dist/cli.js --seeds 1..2 --facts 100000 --nodes 5000 --rules 60
    python3 test/outside/run_rollup.py --cli dist/cli.js --db-url postgres://… --seeds 1..8
    python3 test/outside/run_rollup.py --self-test

Exit 0 when every cell of every case is the same, 1 on any mismatch or failed step, 2 on usage.
A .py file as --cli is run by Python (the self-test's stand-in), anything else by node.
"""
import argparse
import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from fractions import Fraction

sys.dont_write_bytecode = True  # leave no __pycache__ in the checkout
import rollup_oracle as oracle
import rollup_random as generator

PLAIN = re.compile(r"-?[0-9]+(\.[0-9]+)?\Z")
VALUE_COLUMNS = ["natural", "direct", "adjusted", "plug", "fact_count"]
RESULT_COLUMNS = ["node_id", "parent_node_id", "node_name", "depth", "is_leaf", "measure", "scenario"] + VALUE_COLUMNS + ["rule"]
STEPS = ["structure", "facts", "apply", "run", "results"]
SHOWN = 20


class StepFailed(Exception):
    pass


def unguard(text):
    """Undo the export's guard against formula injection."""
    return text[1:] if len(text) > 1 and text[0] == "'" and text[1] in "=+-@\t\r" else text


class Cli:
    def __init__(self, path, db, tz, timeout, seconds):
        self.command = [sys.executable if path.endswith(".py") else "node", path]
        self.db, self.timeout, self.seconds = db, timeout, seconds
        self.env = dict(os.environ)
        if tz:
            self.env["TZ"] = tz

    def call(self, step, arguments, accepted=(0,)):
        command = self.command + arguments + ["--db", self.db]
        began = time.monotonic()
        try:
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.env, timeout=self.timeout)
        except subprocess.TimeoutExpired:
            raise StepFailed("%s: no end after %d s" % (step, self.timeout))
        finally:
            self.seconds[step] = self.seconds.get(step, 0.0) + time.monotonic() - began
        if done.returncode not in accepted:
            raise StepFailed("%s: exit %d\n    %s\n    stderr: %s\n    stdout: %s" % (
                step, done.returncode, " ".join(command), clip(done.stderr), clip(done.stdout)))
        try:
            return done.stdout.decode("utf-8")
        except UnicodeDecodeError as error:
            raise StepFailed("%s: stdout is not UTF-8: %s" % (step, error))

    def call_json(self, step, arguments, accepted=(0,)):
        text = self.call(step, arguments + ["--json"], accepted)
        try:
            # a decimal as a JSON number would already have lost digits: keep its text
            return json.loads(text, parse_float=str)
        except ValueError as error:
            raise StepFailed("%s: stdout is not one JSON document (%s): %s" % (step, error, clip(text.encode())))


def clip(data, limit=1500):
    text = data.decode("utf-8", "replace").strip()
    return text if len(text) <= limit else text[: limit // 2] + " […] " + text[-limit // 2:]


class Loaded:
    """One database with the case's structure, facts and use case in it."""

    def __init__(self, cli, case, folder, facts_csv=None, table=None):
        use_case = case.use_case
        if table:
            use_case = dict(use_case, source=dict(use_case["source"], table=table))
        self.cli, self.case, self.use_case = cli, case, use_case
        paths = generator.write_case(case, folder, facts_csv, use_case)
        cli.call_json("structure", ["structures", "import", use_case["structure"], paths["structure.csv"]])
        cli.call_json("facts", ["facts", "import", paths["facts.csv"], "--table", use_case["source"]["table"]])
        cli.call_json("apply", ["use-cases", "apply", paths["usecase.yaml"]])

    def run(self, date, policy):
        # 1 = done, with findings at error level
        answer = self.cli.call_json("run", ["runs", "create", "--use-case", self.use_case["use_case"], "--date", date,
                                            "--policy", policy], accepted=(0, 1))
        for key in ("run_id", "status", "result_digest"):
            if key not in answer:
                raise StepFailed("run: no %r in %s" % (key, clip(json.dumps(answer).encode())))
        if answer["status"] != "COMPLETED":
            raise StepFailed("run: status %s: %s" % (answer["status"], clip(json.dumps(answer).encode())))
        return str(answer["run_id"]), answer["result_digest"]

    def results(self, run_id):
        return self.cli.call("results", ["runs", "results", run_id, "--format", "csv"])

    def bundle(self, run_id, folder, verifier):
        """Export the run and let the offline program check it, without the database."""
        path = os.path.join(folder, run_id + ".zip")
        self.cli.call_json("bundle", ["export", "run", run_id, path])
        done = subprocess.run(["node", verifier, path], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if done.returncode != 0:
            raise StepFailed("bundle: exit %d\n    %s" % (done.returncode, clip(done.stdout + done.stderr)))


# ---------------------------------------------------------------- comparison

def compare(structure, case, date, policy, expected, text):
    """[(where, explanation)] of all differences, and the number of cells compared."""
    differences = []
    rows = list(csv.reader(io.StringIO(text, newline="")))
    if not rows:
        return [("header", "runs results gave nothing")], 0
    header = rows[0]
    absent = [c for c in RESULT_COLUMNS if c not in header]
    if absent:
        return [("header", "columns %s are not in %s" % (absent, header))], 0
    at = {column: header.index(column) for column in RESULT_COLUMNS}
    found = {}
    for number, row in enumerate(rows[1:], 2):
        if len(row) != len(header):
            differences.append(("record %d" % number, "%d fields, the header has %d: %r" % (len(row), len(header), row)))
            continue
        key = (unguard(row[at["node_id"]]), unguard(row[at["measure"]]), unguard(row[at["scenario"]]))
        if key in found:
            differences.append((key, "the cell comes twice"))
        found[key] = row
    wanted = {(c.node_id, c.measure, c.scenario): c for c in expected.cells}
    for key in sorted(set(found) - set(wanted)):
        differences.append((key, "extra cell"))
    leaf_texts = {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}
    for key, cell in wanted.items():
        if key not in found:
            differences.append((key, "missing cell (natural %s, adjusted %s, fact_count %d)" % (
                oracle.plain(cell.natural), oracle.plain(cell.adjusted), cell.fact_count)))
            continue
        row = found[key]
        for column in VALUE_COLUMNS:
            got, want = row[at[column]], getattr(cell, column)
            if want is None:
                same = got == ""
            else:
                same = bool(PLAIN.match(got)) and Fraction(got) == want
            if not same:
                shown = str(want) if column == "fact_count" else oracle.plain(want)
                differences.append((key, "%s is %r, expected %r%s" % (
                    column, got, shown, difference_text(got, want)) + why(structure, expected, cell)))
        node = cell.node_id
        shape = [("depth", str(structure.depth[node])), ("parent_node_id", structure.parent[node] or "")]
        if node != oracle.UNASSIGNED:
            shape.append(("node_name", structure.name[node]))
        for column, want in shape:
            if unguard(row[at[column]]) != want:
                differences.append((key, "%s is %r, expected %r" % (column, unguard(row[at[column]]), want)))
        leaf = leaf_texts.get(row[at["is_leaf"]].lower())
        if leaf != (not structure.children[node]):
            differences.append((key, "is_leaf is %r, expected %s" % (row[at["is_leaf"]], not structure.children[node])))
    return differences, len(wanted)


def difference_text(got, want):
    if want is None or not PLAIN.match(got):
        return ""
    return " (off by %s)" % oracle.plain(Fraction(got) - want)


def why(structure, expected, cell):
    """What the oracle did at that node, in a few lines."""
    node = cell.node_id
    lines = ["path: " + " > ".join(reversed(list(structure.lineage(node))))]
    rule = expected.rules.get(node)
    if rule is None:
        lines.append("no explicit rule; direct %s, %d own facts, %d children" % (
            oracle.plain(cell.direct), expected.owner_counts[cell.scenario][node], len(structure.children[node])))
    else:
        lines.append("%s%s: %s" % (rule.flavour, " (skipped)" if node in expected.skipped else "",
                                   json.dumps(rule.spec, ensure_ascii=False)))
    below = []
    todo = list(structure.children[node])
    while todo and len(below) < 4:
        other = todo.pop()
        todo.extend(structure.children[other])
        if other in expected.rules:
            below.append("%s (%s%s)" % (other, expected.rules[other].flavour, ", skipped" if other in expected.skipped else ""))
    if below:
        lines.append("rules below: " + ", ".join(below))
    return "".join("\n      " + line for line in lines)


# ---------------------------------------------------------------- one seed

def check_seed(seed, args, scratch, report):
    options = generator.Options(args.facts, args.nodes, args.rules, args.digits, args.division, args.plain_ids,
                                args.edge_spaces, args.quoted_ids)
    suffix = "" if not args.db and not args.db_url else "_" + args.token
    case = generator.make_case(seed, options, suffix)
    structure = oracle.Structure(*oracle.read_csv_text(case.structure_csv.decode("utf-8")))
    facts = oracle.Facts(*oracle.read_csv_text(case.facts_csv.decode("utf-8")))
    folder = os.path.join(scratch, "seed%d" % seed)
    dates = case.dates[: args.dates]

    def fresh_db(label):
        if args.db_url or args.db:
            return args.db_url or args.db
        path = os.path.join(folder, "db-" + label)
        os.makedirs(path)
        return path

    def say(label, policy, date, cells, mismatches, seconds, oracle_seconds=0.0):
        report.line(label, case, policy, date, cells, mismatches, seconds, oracle_seconds)

    variants = []
    if args.shuffle:
        variants.append(("shuffle", None, generator.shuffled_facts(case, 1)))
    for zone in args.tz:
        variants.append(("tz " + zone, zone, None))

    base, texts = {}, {}
    seconds = {}
    try:
        loaded = Loaded(Cli(args.cli, fresh_db("base"), None, args.timeout, seconds), case, os.path.join(folder, "base"))
    except StepFailed as failure:
        report.failure("seed %d" % seed, str(failure))
        say("base", "-", "-", 0, 1, seconds)
        return
    for date in dates:
        for policy in args.policies:
            try:
                began = time.monotonic()
                expected = oracle.evaluate(structure, facts, case.use_case, date, policy)
                oracle_seconds = time.monotonic() - began
                run_id, digest = loaded.run(date, policy)
                texts[date, policy] = text = loaded.results(run_id)
                base[date, policy] = digest
                differences, cells = compare(structure, case, date, policy, expected, text)
                if args.bundles:
                    loaded.bundle(run_id, folder, args.bundles)
            except StepFailed as failure:
                report.failure("seed %d %s %s" % (seed, policy, date), str(failure))
                say("base", policy, date, 0, 1, seconds)
            else:
                for where, text in differences:
                    report.difference("seed %d %s %s" % (seed, policy, date), where, text)
                say("base", policy, date, cells, len(differences), seconds, oracle_seconds)
            seconds.clear()

    for number, (label, zone, facts_csv) in enumerate(variants, 1):
        seconds = {}
        shared = bool(args.db_url or args.db)
        try:
            loaded = Loaded(Cli(args.cli, fresh_db("v%d" % number), zone, args.timeout, seconds), case,
                            os.path.join(folder, "v%d" % number), facts_csv,
                            case.use_case["source"]["table"] + "_v%d" % number if shared else None)
        except StepFailed as failure:
            report.failure("seed %d %s" % (seed, label), str(failure))
            say(label, "-", "-", 0, 1, seconds)
            continue
        for date, policy in base:
            cells = mismatches = 0
            try:
                run_id, digest = loaded.run(date, policy)
                if digest != base[date, policy]:
                    mismatches = 1
                    own = loaded.results(run_id)
                    report.difference("seed %d %s %s %s" % (seed, label, policy, date), "result_digest",
                                      "%s, in the base case %s; the exported results are %s" % (
                                          digest, base[date, policy],
                                          "the same" if own == texts[date, policy] else "different"))
            except StepFailed as failure:
                mismatches = 1
                report.failure("seed %d %s %s %s" % (seed, label, policy, date), str(failure))
            say(label, policy, date, cells, mismatches, seconds)
            seconds.clear()
    if not args.keep:
        shutil.rmtree(folder, ignore_errors=True)


class Report:
    HEAD = ["case", "seed", "nodes", "facts", "rules", "drivers", "policy", "date", "cells", "mismatches"] + STEPS + ["oracle"]
    WIDTH = [20, 5, 6, 7, 6, 17, 13, 10, 8, 10] + [9] * len(STEPS) + [7]

    def __init__(self):
        self.differences, self.count, self.bad, self.cells, self.runs = [], 0, 0, 0, 0
        self.row(self.HEAD)

    def row(self, values):
        print("  ".join(str(v).ljust(w) for v, w in zip(values, self.WIDTH)).rstrip(), flush=True)

    def line(self, label, case, policy, date, cells, mismatches, seconds, oracle_seconds):
        self.cells += cells
        self.runs += 1
        self.bad += 1 if mismatches else 0
        times = ["%.2f" % seconds[s] if s in seconds else "" for s in STEPS]
        self.row([label, case.seed, len(case.structure_rows), len(case.facts_rows), len(case.use_case["rules"]), case.style,
                  policy, date, cells or "", mismatches] + times + ["%.2f" % oracle_seconds if oracle_seconds else ""])

    def difference(self, label, where, text):
        self.count += 1
        if len(self.differences) < SHOWN:
            self.differences.append("%s  %s\n    %s" % (label, where if isinstance(where, str) else " / ".join(map(repr, where)), text))

    def failure(self, label, text):
        self.difference(label, "step failed", text)

    def end(self):
        print("\n%d runs, %d cells, %d differences" % (self.runs, self.cells, self.count))
        if self.count:
            print("first %d differences:" % len(self.differences))
            for number, text in enumerate(self.differences, 1):
                print("%3d. %s" % (number, text))
        return 1 if self.count or self.bad or not self.runs else 0


# ---------------------------------------------------------------- self-test

STAND_IN = r'''
# A stand-in for the CLI that answers with the oracle, and with a fault when FAULT names one.
import csv, hashlib, io, json, os, shutil, sys
sys.path.insert(0, %(here)r)
import rollup_oracle as oracle
argv = sys.argv[1:]
fault = os.environ.get("FAULT", "")
def option(name):
    return argv[argv.index(name) + 1]
db = option("--db")
os.makedirs(db, exist_ok=True)
def put(name, source):
    shutil.copyfile(source, os.path.join(db, name))
verb = argv[:2]
if verb == ["structures", "import"]:
    put("structure.csv", argv[3]); print("{}")
elif verb == ["facts", "import"]:
    put("facts-" + option("--table"), argv[2]); print("{}")
elif verb == ["use-cases", "apply"]:
    if fault == "apply": sys.stderr.write("TIE-0000 refused\n"); sys.exit(4)
    put("usecase.json", argv[2].replace(".yaml", ".json")); print("{}")
elif verb == ["runs", "create"]:
    use_case = json.load(open(os.path.join(db, "usecase.json"), encoding="utf-8"))
    structure = oracle.Structure(*oracle.read_csv_file(os.path.join(db, "structure.csv")))
    header, rows = oracle.read_csv_file(os.path.join(db, "facts-" + use_case["source"]["table"]))
    if fault == "order" : rows[0][7] = rows[0][7] or "1"; rows = rows[1:]
    policy = option("--policy")
    if fault == "policy": policy = "top_down"
    result = oracle.evaluate(structure, oracle.Facts(header, rows), use_case, option("--date"), policy)
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow("node_id,parent_node_id,node_name,depth,is_leaf,measure,scenario,natural,direct,adjusted,plug,fact_count,rule".split(","))
    def guard(text):
        return "'" + text if text[:1] in ("=", "+", "-", "@", "\t") else text
    for i, c in enumerate(result.cells):
        if fault == "missing" and i == 5: continue
        adjusted = oracle.plain(c.adjusted)
        if fault == "digit" and i == 7: adjusted = oracle.plain(c.adjusted + oracle.Fraction(1, 10**9))
        if fault == "exponent" and i == 7: adjusted = "1E5"
        parent = structure.parent[c.node_id] or ""
        row = [guard(c.node_id), guard(parent), guard(structure.name[c.node_id]), structure.depth[c.node_id],
               "true" if not structure.children[c.node_id] else "false", c.measure, guard(c.scenario),
               oracle.plain(c.natural) + ("" if "." in oracle.plain(c.natural) else ".000"), oracle.plain(c.direct), adjusted,
               oracle.plain(c.plug), c.fact_count, "rule"]
        writer.writerow(row)
        if fault == "twice" and i == 3: writer.writerow(row)
    if fault == "extra": writer.writerow(["ghost", "", "", 1, "true", "daily", "ACTUAL", 0, 0, 0, 0, 0, ""])
    text = out.getvalue()
    name = hashlib.sha256(text.encode()).hexdigest()[:12]
    open(os.path.join(db, name), "w", encoding="utf-8", newline="").write(text)
    digest = name + (os.environ.get("TZ", "") if fault == "tz" else "")
    print(json.dumps({"run_id": name, "status": "FAILED" if fault == "failed" else "COMPLETED", "result_digest": digest, "findings": []}))
elif verb == ["runs", "results"]:
    sys.stdout.buffer.write(open(os.path.join(db, argv[2]), "rb").read())
else:
    sys.exit(2)
'''


def self_test():
    scratch = tempfile.mkdtemp(prefix="tieout-outside-selftest-")
    try:
        cli = os.path.join(scratch, "stand_in.py")
        with open(cli, "w", encoding="utf-8") as handle:
            handle.write(STAND_IN % {"here": os.path.dirname(os.path.abspath(__file__))})

        def go(fault, more=()):
            env = dict(os.environ, FAULT=fault)
            done = subprocess.run([sys.executable, os.path.abspath(__file__), "--cli", cli, "--seeds", "2..3", "--facts", "200",
                                   "--nodes", "40", "--rules", "15"] + list(more), env=env, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE)
            return done.returncode, (done.stdout + done.stderr).decode()

        full = ["--policy", "both", "--dates", "3", "--shuffle", "--tz", "UTC,Asia/Tokyo"]
        code, text = go("", full)
        assert code == 0 and ", 0 differences" in text, text
        code, text = go("", full + ["--db", os.path.join(scratch, "one-db")])
        assert code == 0 and ", 0 differences" in text, text
        for fault, sign, more in (
                ("digit", "off by 0.000000001", []), ("missing", "missing cell", []), ("extra", "extra cell", []),
                ("twice", "comes twice", []), ("exponent", "'1E5'", []), ("failed", "status FAILED", []),
                ("apply", "TIE-0000", []), ("tz", "result_digest", ["--tz", "UTC,Asia/Tokyo"]),
                ("order", "expected", ["--shuffle"]), ("policy", "adjusted is", ["--policy", "most_specific"])):
            code, text = go(fault, more)
            assert code == 1 and sign in text, (fault, text)
        assert [unguard(t) for t in ("'=a", "'-1", "'x", "a", "'", "-5")] == ["=a", "-1", "'x", "a", "'", "-5"]
        print("run_rollup: self-test passes (a stand-in that is right, on one and on fresh databases; ten faults seen)")
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def seeds_of(text):
    out = []
    for part in text.split(","):
        match = re.match(r"(\d+)(?:\.\.(\d+))?\Z", part.strip())
        if not match:
            raise argparse.ArgumentTypeError("seeds are like 1..8 or 3,5,9..12")
        out += range(int(match.group(1)), int(match.group(2) or match.group(1)) + 1)
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--self-test", action="store_true")
    parser.add_argument("--cli", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "dist", "cli.js"))
    parser.add_argument("--db", help="one embedded directory for all cases; without it, a fresh one per case")
    parser.add_argument("--db-url", help="postgres://…: unique structure, table and use-case names per case")
    parser.add_argument("--seeds", type=seeds_of, default=seeds_of("1..8"))
    parser.add_argument("--facts", type=int, default=5000)
    parser.add_argument("--nodes", type=int, default=300)
    parser.add_argument("--rules", type=int, default=30)
    parser.add_argument("--dates", type=int, default=1, help="how many of a case's dates to run")
    parser.add_argument("--policy", choices=["both", "most_specific", "top_down"], default="both")
    parser.add_argument("--shuffle", action="store_true", help="again with the facts file shuffled: same result_digest")
    parser.add_argument("--tz", default="", help="comma-separated time zones: same result_digest under each")
    parser.add_argument("--digits", type=int, default=15, help="most digits of an amount")
    parser.add_argument("--division", action="store_true", help="divisions whose quotient terminates")
    parser.add_argument("--plain-ids", action="store_true", help="node ids N0, N1, … only")
    parser.add_argument("--edge-spaces", action="store_true", help="values with a leading or trailing space")
    parser.add_argument("--quoted-ids", action="store_true", help='ids with a " in formulas, doubled inside the quotes')
    parser.add_argument("--bundles", metavar="VERIFIER", help="export each run and check its bundle by this program")
    parser.add_argument("--timeout", type=int, default=600, help="seconds for one CLI step")
    parser.add_argument("--keep", action="store_true", help="keep the files of the cases")
    args = parser.parse_args()
    if args.self_test:
        self_test()
        return 0
    if args.db and args.db_url:
        parser.error("--db or --db-url, not both")
    if not os.path.exists(args.cli):
        parser.error("%s is not there: npm run build" % args.cli)
    args.policies = ["most_specific", "top_down"] if args.policy == "both" else [args.policy]
    args.tz = [zone for zone in args.tz.split(",") if zone]
    args.token = "%x%x" % (int(time.time()), os.getpid())
    scratch = tempfile.mkdtemp(prefix="tieout-outside-")
    report = Report()
    try:
        if args.db_url:
            Cli(args.cli, args.db_url, None, args.timeout, {}).call("migrate", ["migrate", "up"])
        for seed in args.seeds:
            check_seed(seed, args, scratch, report)
    except StepFailed as failure:
        report.failure("migrate", str(failure))
    finally:
        if args.keep:
            print("files: " + scratch)
        else:
            shutil.rmtree(scratch, ignore_errors=True)
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
