#!/usr/bin/env python3
"""A naive evaluator of Tieout's roll-up, written from the specification alone.

It shares no code with the product: it has its own reader of the predicate text and
the formula text, its own type inference and its own arithmetic (Decimal with the
Inexact trap on for sums, Fraction for formulas; never a float).

    rollup_oracle.py --structure S.csv --facts F.csv --use-case U.json --date D [--policy P]
    rollup_oracle.py --self-test

The use case is a dict with the keys of the YAML exchange format (JSON on the command
line, because the standard library reads no YAML).
"""
import argparse
import csv
import decimal
import io
import json
import re
import sys
from collections import namedtuple
from decimal import Decimal
from fractions import Fraction

sys.setrecursionlimit(50000)
csv.field_size_limit(1 << 30)
# Sums and comparisons of facts are exact or they raise.
EXACT = decimal.Context(prec=400, traps=[decimal.Inexact, decimal.InvalidOperation, decimal.Overflow])
decimal.setcontext(EXACT)

UNASSIGNED = "UNASSIGNED"
MOST_SPECIFIC, TOP_DOWN = "most_specific", "top_down"

Cell = namedtuple("Cell", "node_id measure scenario natural direct adjusted plug fact_count")


class SpecError(Exception):
    """The input is something the specification refuses."""


# ---------------------------------------------------------------- reading

def read_csv_text(text):
    rows = list(csv.reader(io.StringIO(text, newline="")))
    header = rows[0]
    out = []
    for number, row in enumerate(rows[1:], 2):
        if not row and len(header) > 1:
            continue  # an empty line at the end
        if len(row) != len(header):
            raise SpecError("record %d has %d fields, the header has %d" % (number, len(row), len(header)))
        out.append(row)
    return header, out


def read_csv_file(path):
    with open(path, encoding="utf-8", newline="") as handle:
        return read_csv_text(handle.read())


PLAIN_DECIMAL = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?\Z")
ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")


def infer_type(values):
    """numeric, date or text, from the non-empty values of one column."""
    present = [v for v in values if v != ""]
    if present and all(PLAIN_DECIMAL.match(v) for v in present):
        return "numeric"
    if present and all(ISO_DATE.match(v) for v in present):
        return "date"
    return "text"


class Facts:
    """Fact rows with typed values: Decimal, ISO date string, text, or None."""

    def __init__(self, header, rows, types=None):
        self.columns = {name: i for i, name in enumerate(header)}
        self.types = {}
        for name, i in self.columns.items():
            self.types[name] = (types or {}).get(name) or infer_type(row[i] for row in rows)
        converters = [Decimal if self.types[name] == "numeric" else str for name in header]
        self.rows = [
            tuple(None if value == "" else convert(value) for value, convert in zip(row, converters))
            for row in rows
        ]

    def index(self, column):
        if column not in self.columns:
            raise SpecError("unknown column %r" % column)
        return self.columns[column]

    def numeric_index(self, column):
        i = self.index(column)
        if self.types[column] != "numeric":
            raise SpecError("column %r is %s, not numeric" % (column, self.types[column]))
        return i


# ---------------------------------------------------------------- texts: tokens

TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<text>'(?:[^']|'')*')
      | (?P<quoted>"(?:[^"]|"")*")
      | (?P<bracket>\[[^\[\]]*\])
      | (?P<number>[0-9]+(?:\.[0-9]+)?)
      | (?P<word>[^\W\d]\w*)
      | (?P<op><>|!=|<=|>=|[=<>()+\-*/,])
    """,
    re.VERBOSE,
)


def tokens_of(text):
    out, at = [], 0
    while at < len(text):
        match = TOKEN.match(text, at)
        if not match:
            raise SpecError("cannot read %r at offset %d" % (text, at))
        at = match.end()
        kind, value = match.lastgroup, match.group()
        if kind == "space":
            continue
        if kind == "text":
            value = value[1:-1].replace("''", "'")
        elif kind == "quoted":
            value = value[1:-1].replace('""', '"')
        elif kind == "bracket":
            value = value[1:-1]
        out.append((kind, value))
    out.append(("end", ""))
    return out


class Reader:
    def __init__(self, text):
        self.text, self.tokens, self.at = text, tokens_of(text), 0

    def peek(self, ahead=0):
        return self.tokens[min(self.at + ahead, len(self.tokens) - 1)]

    def take(self):
        token = self.peek()
        self.at += 1
        return token

    def is_op(self, *ops):
        kind, value = self.peek()
        return kind == "op" and value in ops

    def is_word(self, word, ahead=0):
        kind, value = self.peek(ahead)
        return kind == "word" and value.lower() == word

    def expect_op(self, op):
        if not self.is_op(op):
            self.fail("expected %r" % op)
        self.take()

    def expect_word(self, word):
        if not self.is_word(word):
            self.fail("expected %r" % word)
        self.take()

    def expect_end(self):
        if self.peek()[0] != "end":
            self.fail("unexpected text")

    def fail(self, why):
        raise SpecError("%s, found %r, in %r" % (why, self.peek(), self.text))


# ---------------------------------------------------------------- predicates

def parse_predicate(text):
    reader = Reader(text)
    tree = read_or(reader)
    reader.expect_end()
    return tree


def read_or(reader):
    parts = [read_and(reader)]
    while reader.is_word("or"):
        reader.take()
        parts.append(read_and(reader))
    return parts[0] if len(parts) == 1 else ("or", parts)


def read_and(reader):
    parts = [read_not(reader)]
    while reader.is_word("and"):
        reader.take()
        parts.append(read_not(reader))
    return parts[0] if len(parts) == 1 else ("and", parts)


def read_not(reader):
    if reader.is_word("not"):
        reader.take()
        return ("not", read_not(reader))
    if reader.is_op("("):
        reader.take()
        tree = read_or(reader)
        reader.expect_op(")")
        return tree
    return read_test(reader)


def read_test(reader):
    kind, column = reader.take()
    if kind not in ("word", "quoted"):
        reader.at -= 1
        reader.fail("expected a column")
    if reader.is_op("=", "!=", "<>", "<", "<=", ">", ">="):
        op = reader.take()[1]
        return ("cmp", "!=" if op == "<>" else op, column, read_literal(reader))
    if reader.is_word("is"):
        reader.take()
        negated = reader.is_word("not")
        if negated:
            reader.take()
        reader.expect_word("null")
        tree = ("is_null", column)
        return ("not", tree) if negated else tree
    negated = reader.is_word("not")
    if negated:
        reader.take()
    if reader.is_word("in"):
        reader.take()
        reader.expect_op("(")
        items = [read_literal(reader)]
        while reader.is_op(","):
            reader.take()
            items.append(read_literal(reader))
        reader.expect_op(")")
        return ("not_in" if negated else "in", column, items)
    if reader.is_word("between"):
        reader.take()
        low = read_literal(reader)
        reader.expect_word("and")
        tree = ("between", column, low, read_literal(reader))
    elif reader.is_word("like"):
        reader.take()
        kind, pattern = reader.take()
        if kind != "text":
            raise SpecError("like needs a text pattern in %r" % reader.text)
        tree = ("like", column, pattern)
    else:
        reader.fail("expected a test")
    return ("not", tree) if negated else tree


def read_literal(reader):
    negative = reader.is_op("-")
    if negative:
        reader.take()
    kind, value = reader.take()
    if kind == "number":
        return ("numeric", -Decimal(value) if negative else Decimal(value))
    if negative:
        raise SpecError("'-' before something that is not a number in %r" % reader.text)
    if kind == "text":
        return ("text", value)
    if kind == "word" and value.lower() == "date" and reader.peek()[0] == "text":
        day = reader.take()[1]
        if not ISO_DATE.match(day):
            raise SpecError("%r is not a date" % day)
        return ("date", day)
    raise SpecError("expected a literal in %r, found %r" % (reader.text, value))


def like_regex(pattern):
    """% any run, _ one code point, \\ takes the next character as it is."""
    out, i = [], 0
    while i < len(pattern):
        ch = pattern[i]
        if ch == "\\":
            i += 1
            if i == len(pattern):
                raise SpecError("pattern %r ends in its escape" % pattern)
            out.append(re.escape(pattern[i]))
        elif ch == "%":
            out.append(".*")
        elif ch == "_":
            out.append(".")
        else:
            out.append(re.escape(ch))
        i += 1
    return re.compile("".join(out), re.DOTALL)


def compile_predicate(tree, facts):
    """A function of one fact row. Two-valued: a test on a null is false, its not is true."""
    op = tree[0]
    if op in ("and", "or"):
        parts = [compile_predicate(part, facts) for part in tree[1]]
        if op == "and":
            def all_of(row):
                for part in parts:
                    if not part(row):
                        return False
                return True
            return all_of

        def any_of(row):
            for part in parts:
                if part(row):
                    return True
            return False
        return any_of
    if op == "not":
        inner = compile_predicate(tree[1], facts)
        return lambda row: not inner(row)
    if op == "cmp":
        _, sign, column, literal = tree
        i, want = facts.index(column), typed(facts, column, literal)
        if sign == "=":
            return lambda row: row[i] is not None and row[i] == want
        if sign == "!=":
            return lambda row: row[i] is not None and row[i] != want
        if sign == "<":
            return lambda row: row[i] is not None and row[i] < want
        if sign == "<=":
            return lambda row: row[i] is not None and row[i] <= want
        if sign == ">":
            return lambda row: row[i] is not None and row[i] > want
        return lambda row: row[i] is not None and row[i] >= want
    column = tree[1]
    i = facts.index(column)
    if op == "is_null":
        return lambda row: row[i] is None
    if op in ("in", "not_in"):
        wanted = [typed(facts, column, literal) for literal in tree[2]]
        if op == "in":
            return lambda row: row[i] is not None and row[i] in wanted
        return lambda row: row[i] is not None and row[i] not in wanted
    if op == "between":
        low, high = typed(facts, column, tree[2]), typed(facts, column, tree[3])
        return lambda row: row[i] is not None and low <= row[i] <= high
    if op == "like":
        if facts.types[column] != "text":
            raise SpecError("like on %s column %r" % (facts.types[column], column))
        full = like_regex(tree[2]).fullmatch
        return lambda row: row[i] is not None and full(row[i]) is not None
    raise SpecError("unknown operator %r" % (op,))


def typed(facts, column, literal):
    kind, value = literal
    if kind != facts.types[column]:
        raise SpecError("%s column %r tested with %s %r" % (facts.types[column], column, kind, value))
    return value


# ---------------------------------------------------------------- formulas

def parse_formula(text):
    reader = Reader(text)
    tree = read_sum(reader)
    reader.expect_end()
    return tree


def read_sum(reader):
    left = read_product(reader)
    while reader.is_op("+", "-"):
        op = reader.take()[1]
        left = ("bin", op, left, read_product(reader))
    return left


def read_product(reader):
    left = read_atom(reader)
    while reader.is_op("*", "/"):
        op = reader.take()[1]
        left = ("bin", op, left, read_atom(reader))
    return left


def read_atom(reader):
    if reader.is_op("-"):
        reader.take()
        return ("bin", "-", ("num", Fraction(0)), read_atom(reader))
    if reader.is_op("("):
        reader.take()
        tree = read_sum(reader)
        reader.expect_op(")")
        return tree
    kind, value = reader.take()
    if kind == "number":
        return ("num", Fraction(value))
    if kind == "bracket":
        return ("node", "bare", ("name", value))
    if kind == "quoted":
        return ("node", "bare", ("id", value))
    if kind == "word":
        call = value.lower()
        if reader.is_op("(") and call in ("natural", "adjusted"):
            reader.take()
            kind, value = reader.take()
            if kind not in ("word", "quoted", "bracket"):
                raise SpecError("%s(…) needs a node in %r" % (call, reader.text))
            reader.expect_op(")")
            return ("node", call, ("name" if kind == "bracket" else "id", value))
        if reader.is_op("(") and call == "sum":
            reader.take()
            kind, column = reader.take()
            if kind not in ("word", "quoted"):
                raise SpecError("sum(…) needs a column in %r" % reader.text)
            predicate = None
            if reader.is_word("where"):
                reader.take()
                predicate = read_or(reader)
            reader.expect_op(")")
            return ("sum", column, predicate)
        return ("node", "bare", ("id", value))
    reader.at -= 1
    reader.fail("expected a value")


def leaves_of(tree):
    if tree[0] == "bin":
        return leaves_of(tree[2]) + leaves_of(tree[3])
    return [tree]


def apply_op(op, left, right):
    """None is the empty cell of a division by zero, and it stays empty."""
    if left is None or right is None:
        return None
    if op == "+":
        return left + right
    if op == "-":
        return left - right
    if op == "*":
        return left * right
    return None if right == 0 else left / right


# ---------------------------------------------------------------- structure

class Structure:
    def __init__(self, header, rows):
        column = {name: i for i, name in enumerate(header)}
        self.parent, self.name, self.default_binding = {}, {}, {}
        for row in rows:
            node = row[column["node_id"]]
            if node in self.parent or node == UNASSIGNED:
                raise SpecError("node id %r twice" % node)
            self.parent[node] = row[column["parent_node_id"]] or None
            self.name[node] = row[column["node_name"]]
            if "rollup_driver" in column and row[column["rollup_driver"]]:
                self.default_binding[node] = (row[column["rollup_driver"]], row[column["rollup_value_source"]])
        roots = [node for node, parent in self.parent.items() if parent is None]
        if len(roots) != 1:
            raise SpecError("%d roots" % len(roots))
        self.root = roots[0]
        self.own_leaves = set(self.parent) - set(self.parent.values())
        self.parent[UNASSIGNED] = self.root
        self.name[UNASSIGNED] = UNASSIGNED
        self.children = {node: [] for node in self.parent}
        for node, parent in self.parent.items():
            if parent is not None:
                self.children[parent].append(node)
        self.top_down = []  # parents before children
        self.depth = {self.root: 0}
        todo = [self.root]
        while todo:
            node = todo.pop()
            self.top_down.append(node)
            for child in self.children[node]:
                self.depth[child] = self.depth[node] + 1
                todo.append(child)
        if len(self.top_down) != len(self.parent):
            raise SpecError("nodes that the root does not reach")

    def lineage(self, node):
        """The node and its ancestors, up to the root."""
        while node is not None:
            yield node
            node = self.parent[node]

    def find(self, reference):
        kind, value = reference
        if kind == "id":
            if value not in self.parent:
                raise SpecError("unknown node %r" % value)
            return value
        found = [node for node, name in self.name.items() if name == value and node != UNASSIGNED]
        if len(found) != 1:
            raise SpecError("%d nodes are named %r" % (len(found), value))
        return found[0]


def bindings_of(structure, use_case):
    """[(column, {value: node})], columns in the order in which they claim."""
    entries = []
    if use_case.get("drivers"):
        for driver in use_case["drivers"]:
            nodes = driver["nodes"]
            if nodes == "leaves":
                nodes = [n for n in structure.name if n in structure.own_leaves]
            elif nodes == "all":
                nodes = [n for n in structure.name if n != UNASSIGNED]
            for node in nodes:
                structure.find(("id", node))
                entries.append((driver["column"], driver["value"], node))
    else:
        for node, (column, value) in structure.default_binding.items():
            entries.append((column, value, node))
    order, maps = [], {}
    for column, source, node in entries:
        if column not in maps:
            order.append(column)
            maps[column] = {}
        value = {"node_id": node, "node_name": structure.name[node]}[source]
        if maps[column].get(value, node) != node:
            raise SpecError("%s = %r is bound to two nodes" % (column, value))
        maps[column][value] = node
    return [(column, maps[column]) for column in order]


# ---------------------------------------------------------------- evaluation

class Rule:
    def __init__(self, spec, structure, facts, measures):
        self.spec = spec
        self.node = structure.find(("id", spec["node"]))
        first = next(iter(measures))
        self.into = spec.get("into") or first
        if self.into not in measures:
            raise SpecError("unknown measure %r" % self.into)
        self.operands = []
        if "formula" in spec:
            self.tree = parse_formula(spec["formula"])
            kinds = {leaf[0] for leaf in leaves_of(self.tree)} - {"num"}
            if kinds == {"sum"}:
                self.flavour = "query arithmetic"
            elif kinds == {"node"}:
                self.flavour = "node arithmetic"
                for _, kind, reference in [l for l in leaves_of(self.tree) if l[0] == "node"]:
                    node = structure.find(reference)
                    if kind == "adjusted" or (kind == "bare" and node != self.node):
                        self.operands.append(node)
            else:
                raise SpecError("formula %r mixes %s" % (spec["formula"], sorted(kinds)))
        else:
            self.scope = spec.get("scope") or "node"
            self.test = compile_predicate(parse_predicate(spec["where"]), facts)
            name = spec.get("measure_name")
            self.flavour = "measure switch" if name else "filter"
            if name:
                self.column = facts.numeric_index(measures.get(name, name))

    def is_filter(self):
        return self.flavour in ("filter", "measure switch")

    def measures(self, mapping):
        if self.flavour in ("filter", "node arithmetic"):
            return list(mapping)
        return [self.into]


class Result:
    """cells: [Cell]; the rest is for explaining a difference."""

    def __init__(self):
        self.cells, self.skipped, self.rules = [], set(), {}
        self.scenarios, self.owner_counts = [], {}


def evaluate(structure, facts, use_case, date, policy=None):
    policy = policy or use_case.get("policy") or MOST_SPECIFIC
    if policy not in (MOST_SPECIFIC, TOP_DOWN):
        raise SpecError("unknown policy %r" % policy)
    measures = use_case["measures"]
    measure_index = {m: facts.numeric_index(column) for m, column in measures.items()}
    date_index = facts.index(use_case["source"]["date"])
    scenario_index = facts.index(use_case["source"]["scenario"])
    result = Result()

    # Explicit rules, and the filters that a more specific rule pushes aside.
    rules = {}
    for spec in use_case.get("rules") or []:
        rule = Rule(spec, structure, facts, measures)
        if rule.node in rules:
            raise SpecError("two rules on %r" % rule.node)
        rules[rule.node] = rule
    result.rules = rules
    above_a_rule = set()
    for node in rules:
        above_a_rule.update(list(structure.lineage(node))[1:])
    if policy == MOST_SPECIFIC:
        result.skipped = {n for n, rule in rules.items() if rule.is_filter() and n in above_a_rule}
    standing = {n: rule for n, rule in rules.items() if n not in result.skipped}
    refuse_cycles(structure, rules)

    # Facts in scope, by scenario, each with the node that owns it.
    bindings = [(facts.index(column), owners) for column, owners in bindings_of(structure, use_case)]
    in_scope = {}
    for row in facts.rows:
        if row[date_index] != date or row[scenario_index] is None:
            continue
        owner = UNASSIGNED
        for i, owners in bindings:
            if row[i] is not None and row[i] in owners:
                owner = owners[row[i]]
                break
        in_scope.setdefault(row[scenario_index], []).append((owner, row))

    result.scenarios = sorted(in_scope)
    for scenario in result.scenarios:
        evaluate_scenario(structure, facts, measure_index, standing, scenario, in_scope[scenario], result)
    return result


def refuse_cycles(structure, rules):
    state = {}

    def visit(node, path):
        if state.get(node) == "done":
            return
        if state.get(node) == "open":
            raise SpecError("cycle: " + " -> ".join(path + [node]))
        state[node] = "open"
        following = list(structure.children[node])
        if node in rules:
            following += rules[node].operands
        for other in following:
            visit(other, path + [node])
        state[node] = "done"

    visit(structure.root, [])


def evaluate_scenario(structure, facts, measure_index, rules, scenario, owned, result):
    zero = Decimal(0)
    fact_rows_of = {node: [] for node in structure.parent}
    for owner, row in owned:
        fact_rows_of[owner].append(row)

    def total(rows, column):
        out = zero
        for row in rows:
            if row[column] is not None:
                out += row[column]
        return out

    count = {}
    subtree = {}  # node -> nodes of its subtree, itself included
    for node in reversed(structure.top_down):
        count[node] = len(fact_rows_of[node]) + sum(count[c] for c in structure.children[node])
        if node in rules:
            subtree[node] = []
    for node in structure.parent:
        for above in structure.lineage(node):
            if above in subtree:
                subtree[above].append(node)
    result.owner_counts[scenario] = {n: len(rows) for n, rows in fact_rows_of.items()}

    # The facts that each standing filter selects, read once for all its measures.
    everything = [row for _, row in owned]
    selected = {}
    for node, rule in rules.items():
        if rule.is_filter():
            if rule.scope == "table":
                rows = everything
            elif rule.scope == "node":
                rows = [row for member in subtree[node] for row in fact_rows_of[member]]
            else:
                raise SpecError("unknown scope %r" % rule.scope)
            selected[node] = [row for row in rows if rule.test(row)]

    for measure, column in measure_index.items():
        direct = {n: Fraction(total(rows, column)) for n, rows in fact_rows_of.items()}
        natural = {}
        for node in reversed(structure.top_down):
            natural[node] = direct[node] + sum((natural[c] for c in structure.children[node]), Fraction(0))

        adjusted = {}

        def value_of(node, tree):
            if tree[0] == "num":
                return tree[1]
            if tree[0] == "bin":
                return apply_op(tree[1], value_of(node, tree[2]), value_of(node, tree[3]))
            if tree[0] == "sum":
                test = compile_predicate(tree[2], facts) if tree[2] else (lambda row: True)
                return Fraction(total([r for r in everything if test(r)], facts.numeric_index(tree[1])))
            _, kind, reference = tree
            other = structure.find(reference)
            if kind == "natural" or (kind == "bare" and other == node):
                return natural[other]
            return adjusted_of(other)

        def adjusted_of(node):
            if node not in adjusted:
                rule = rules.get(node)
                if rule is not None and measure in rule.measures(measure_index):
                    if rule.flavour == "filter":
                        value = Fraction(total(selected[node], column))
                    elif rule.flavour == "measure switch":
                        value = Fraction(total(selected[node], rule.column))
                    else:
                        value = value_of(node, rule.tree)
                else:
                    value = direct[node]
                    for child in structure.children[node]:
                        value = apply_op("+", value, adjusted_of(child))
                adjusted[node] = value
            return adjusted[node]

        for node in structure.top_down:
            own = adjusted_of(node)
            result.cells.append(Cell(node, measure, scenario, natural[node], direct[node], own,
                                     apply_op("-", natural[node], own), count[node]))


def plain(value):
    """A Fraction as plain decimal text; empty for None."""
    if value is None:
        return ""
    numerator, denominator, places = value.numerator, value.denominator, 0
    while denominator % 10 == 0:
        denominator //= 10
        places += 1
    for prime, other in ((2, 5), (5, 2)):
        while denominator % prime == 0:
            denominator //= prime
            numerator *= other
            places += 1
    if denominator != 1:
        return "%d/%d" % (value.numerator, value.denominator)
    digits = str(abs(numerator)).rjust(places + 1, "0")
    text = digits[:-places] + "." + digits[-places:] if places else digits
    if places:
        text = text.rstrip("0").rstrip(".")
    return "-" + text if numerator < 0 else text


# ---------------------------------------------------------------- self-test

def self_test():
    checks = [0]

    def same(got, want, what):
        checks[0] += 1
        if got != want:
            raise AssertionError("%s: got %r, expected %r" % (what, got, want))

    def refused(call, what):
        checks[0] += 1
        try:
            call()
        except SpecError:
            return
        raise AssertionError(what + ": was not refused")

    # plain numbers
    for value, text in ((Fraction(0), "0"), (Fraction(-1, 8), "-0.125"), (Fraction(100), "100"),
                        (Fraction(1, 3), "1/3"), (Fraction("12345678901234567890.000001"), "12345678901234567890.000001"),
                        (Fraction(-5, 100), "-0.05"), (None, "")):
        same(plain(value), text, "plain")
    # types
    same(infer_type(["1", "", "-2.50", "0.1", "0"]), "numeric", "infer")
    same(infer_type(["1", "007"]), "text", "infer: leading zero")
    same(infer_type(["2025-12-24", ""]), "date", "infer")
    same(infer_type(["2025-12-24", "1"]), "text", "infer: mixed")
    same(infer_type(["", ""]), "text", "infer: nothing")

    # predicates, one row at a time
    header = ["t", "n", "d"]

    def test(text, t, n="1", d="2025-12-24"):
        facts = Facts(header, [[t, n, d]], {"t": "text", "n": "numeric", "d": "date"})
        return compile_predicate(parse_predicate(text), facts)(facts.rows[0])

    cases = [
        ("t = 'A'", "A", True), ("t = 'A'", "", False), ("t != 'A'", "", False), ("t <> 'A'", "B", True),
        ("not t = 'A'", "", True), ("t in ('A','B')", "B", True), ("t in ('A')", "", False),
        ("t not in ('A')", "", False), ("t not in ('A')", "B", True), ("not t in ('A')", "", True),
        ("t between 'A' and 'C'", "B", True), ("t not between 'A' and 'C'", "", True),
        ("t not between 'A' and 'C'", "B", False), ("t between 'C' and 'A'", "B", False),
        ("t like 'a%_'", "ab", True), ("t like 'a%_'", "a", False), ("t not like 'a%'", "", True),
        ("t like '50\\%'", "50%", True), ("t like '50\\%'", "500", False), ("t like 'a\\_b'", "axb", False),
        ("t like 'a\\\\b'", "a\\b", True), ("t like '%b'", "a\nb", True), ("t like '_'", "\U0001F600", True),
        ("t like 'a.c'", "abc", False), ("t like 'A'", "a", False),
        ("t is null", "", True), ("t is not null", "", False), ("T IS NOT NULL".replace("T ", "t ", 1), "x", True),
        ("t = 'it''s'", "it's", True), ("\"t\" = 'x\"y'", 'x"y', True),
        ("t < '\U0001F600'", "\uff21", True), ("t > 'Z'", "a", True), ("t < 'z'", "é", False),
        ("t = 'A' or t = 'B' and n = 2", "A", True), ("(t = 'A' or t = 'B') and n = 2", "A", False),
        ("not t = 'A' and n = 2", "A", False), ("not (t = 'A' and n = 2)", "A", True), ("not not t = 'A'", "A", True),
        ("n = 1.00", "A", True), ("n > -1", "A", True), ("n between 0.5 and 1", "A", True),
        ("n >= 1.000001", "A", False), ("d = date '2025-12-24'", "A", True),
        ("d < DATE '2025-12-24'", "A", False), ("d in (date '2025-12-23', date '2025-12-24')", "A", True),
    ]
    for text, t, want in cases:
        same(test(text, t), want, "predicate %s on %r" % (text, t))
    same(test("n != 1", "A", ""), False, "numeric null")
    same(test("n < 10", "A", "9"), True, "numbers are not text")
    for text in ("t = 1", "n = 'x'", "n like '1%'", "x = 'A'", "t = 'A' or", "t in ()", "t 'A'", "(t = 'A'", "t like 'a\\'"):
        refused(lambda: test(text, "A"), text)

    # A tree by hand.      R
    #                    /   \
    #                   A     B        A: A1, A2    B: B1
    structure_text = ('node_id,parent_node_id,node_name\n'
                      'A1,A,"Leaf ""one"""\nR,,Root\nA,R,Alpha\nB,R,Beta\nA2,A,=Two\nB1,B,Bee\n')
    facts_text = ("pnl_date,scenario,cc_id,book,daily_amt,mtd_amt,commission\n"
                  "2025-12-24,ACTUAL,A1,B1,10.5,100,1\n"
                  "2025-12-24,ACTUAL,A1,X,-0.25,,2\n"
                  "2025-12-24,ACTUAL,A2,X,3,7,4\n"
                  "2025-12-24,ACTUAL,B1,,20,30,8\n"
                  "2025-12-24,ACTUAL,A,X,1,1,16\n"          # claimed only when parents are bound
                  "2025-12-24,ACTUAL,nowhere,X,5,5,32\n"
                  "2025-12-24,ACTUAL,,B1,6,6,64\n"          # book B1 claims it when book drives
                  "2025-12-24,PRIOR,A1,X,2,2,2\n"
                  "2025-12-24,,A1,X,1000,1000,1000\n"
                  ",ACTUAL,A1,X,1000,1000,1000\n"
                  "2025-12-23,ACTUAL,A1,X,1000,1000,1000\n")

    def case(rules=(), drivers=None, policy=MOST_SPECIFIC, structure=structure_text):
        use_case = {"use_case": "T", "structure": "S", "policy": policy,
                    "source": {"table": "f", "date": "pnl_date", "scenario": "scenario"},
                    "measures": {"daily": "daily_amt", "mtd": "mtd_amt"}, "rules": list(rules),
                    "drivers": drivers if drivers is not None else [{"nodes": "leaves", "column": "cc_id", "value": "node_id"}]}
        result = evaluate(Structure(*read_csv_text(structure)), Facts(*read_csv_text(facts_text)), use_case, "2025-12-24")
        table = {}
        for cell in result.cells:
            table[cell.node_id, cell.measure, cell.scenario] = (
                plain(cell.natural), plain(cell.direct), plain(cell.adjusted), plain(cell.plug), cell.fact_count)
        return table, result

    def row(table, node, measure="daily", scenario="ACTUAL"):
        return table[node, measure, scenario]

    table, result = case()
    same(result.scenarios, ["ACTUAL", "PRIOR"], "scenarios")
    same(len(table), 7 * 2 * 2, "cells")
    same(row(table, "R"), ("45.25", "0", "45.25", "0", 7), "root")
    same(row(table, "R", "mtd"), ("149", "0", "149", "0", 7), "root mtd; a null counts as 0 and as a fact")
    same(row(table, "A"), ("13.25", "0", "13.25", "0", 3), "A")
    same(row(table, "A1"), ("10.25", "10.25", "10.25", "0", 2), "A1")
    same(row(table, "UNASSIGNED"), ("12", "12", "12", "0", 3), "unassigned")
    same(row(table, "B", "daily", "PRIOR"), ("0", "0", "0", "0", 0), "no facts in a scenario that has some")
    same(row(table, "R", "daily", "PRIOR"), ("2", "0", "2", "0", 1), "prior")

    table, _ = case(drivers=[{"nodes": "all", "column": "cc_id", "value": "node_id"}])
    same(row(table, "A"), ("14.25", "1", "14.25", "0", 4), "parent with direct rows")
    same(row(table, "R"), ("45.25", "0", "45.25", "0", 7), "root natural is all facts in scope")

    both = [{"nodes": "leaves", "column": "cc_id", "value": "node_id"}, {"nodes": ["B1"], "column": "book", "value": "node_id"}]
    table, _ = case(drivers=both)
    same(row(table, "B1"), ("26", "26", "26", "0", 2), "two columns, cc_id first")
    same(row(table, "A1"), ("10.25", "10.25", "10.25", "0", 2), "two columns, cc_id first")
    table, _ = case(drivers=both[::-1])
    same(row(table, "B1"), ("36.5", "36.5", "36.5", "0", 3), "two columns, book first")
    same(row(table, "A1"), ("-0.25", "-0.25", "-0.25", "0", 1), "two columns, book first")
    named = structure_text.replace("Bee", "nowhere")
    table, _ = case(drivers=[{"nodes": ["B1"], "column": "cc_id", "value": "node_name"}], structure=named)
    same(row(table, "B1"), ("5", "5", "5", "0", 1), "node_name")
    same(row(table, "UNASSIGNED")[4], 6, "node_name: the rest is unassigned")
    lines = structure_text.strip().split("\n")
    default = "\n".join([lines[0] + ",rollup_driver,rollup_value_source"] + [
        line + (",cc_id,node_id" if line[:2] in ("A1", "A2") else ",,") for line in lines[1:]]) + "\n"
    table, _ = case(drivers=[], structure=default)
    same(row(table, "UNASSIGNED")[4], 4, "the structure's own bindings")
    refused(lambda: case(drivers=[{"nodes": ["B1"], "column": "cc_id", "value": "node_name"},
                                  {"nodes": ["A1"], "column": "cc_id", "value": "node_id"}],
                         structure=structure_text.replace("Bee", "A1")), "one column and value on two nodes")

    rule = {"node": "A", "where": "book = 'X'"}
    table, _ = case([rule])
    same(row(table, "A"), ("13.25", "0", "2.75", "10.5", 3), "filter, node scope")
    same(row(table, "A", "mtd"), ("107", "0", "7", "100", 3), "filter sets every measure")
    same(row(table, "A1"), ("10.25", "10.25", "10.25", "0", 2), "children stay")
    same(row(table, "R"), ("45.25", "0", "34.75", "10.5", 7), "plug goes up")
    same(row(table, "R", "daily", "PRIOR"), ("2", "0", "2", "0", 1), "filter in PRIOR")
    table, _ = case([dict(rule, scope="table")])
    same(row(table, "A"), ("13.25", "0", "8.75", "4.5", 3), "filter, table scope")
    table, _ = case([{"node": "R", "where": "cc_id is null"}])
    same(row(table, "R")[2], "6", "root's subtree holds UNASSIGNED")
    table, _ = case([dict(rule, measure_name="commission")])
    same(row(table, "A")[2], "6", "measure switch into the first measure")
    same(row(table, "A", "mtd")[2], "107", "measure switch leaves the others")
    table, _ = case([dict(rule, measure_name="daily", into="mtd")])
    same((row(table, "A")[2], row(table, "A", "mtd")[2]), ("13.25", "2.75"), "measure switch by measure name, into")

    inner = {"node": "A1", "where": "book = 'B1'"}
    table, result = case([rule, inner])
    same(result.skipped, {"A"}, "skipped")
    same(row(table, "A"), ("13.25", "0", "13.5", "-0.25", 3), "most_specific: A adds its children's adjusted")
    table, result = case([rule, inner], policy=TOP_DOWN)
    same((result.skipped, row(table, "A")[2], row(table, "A1")[2]), (set(), "2.75", "10.5"), "top_down")
    _, result = case([{"node": "R", "where": "book = 'X'", "measure_name": "commission"}, rule, inner])
    same(result.skipped, {"R", "A"}, "a skipped rule still counts")
    _, result = case([rule, {"node": "A2", "formula": "A1 + 1"}])
    same(result.skipped, {"A"}, "any flavour below skips a filter")
    table, result = case([{"node": "A", "formula": "A1 - 1"}, inner])
    same((result.skipped, row(table, "A")[2]), (set(), "9.5"), "arithmetic stands, bare means adjusted")

    def formula(text, node="B", others=()):
        table, _ = case([{"node": node, "formula": text}] + list(others))
        return row(table, node)[2], row(table, node, "mtd")[2]

    same(formula("A - A1"), ("3", "7"), "formula, every measure")
    same(formula("natural(A1) - adjusted(A1)", others=[inner]), ("-0.25", "0"), "natural() and adjusted()")
    same(formula("B * 2"), ("40", "60"), "the node itself means natural")
    same(formula("[Alpha] + \"A1\" * 0.5 - (1.25 - 0.25)"), ("17.375", "156"), "brackets, quotes, precedence")
    same(formula("natural([Leaf \"one\"])"), ("10.25", "100"), "name with quotes in brackets")
    same(formula("A1 - A2 - 1"), ("6.25", "92"), "left to right")
    same(formula("A / 4"), ("3.3125", "26.75"), "division")
    same(formula("A / (A1 - A1)"), ("", ""), "division by zero is empty")
    same(formula("UNASSIGNED"), ("12", "12"), "UNASSIGNED as an operand")
    same(formula("sum(commission where book = 'X') + 2 * sum(daily_amt)"), ("144.5", "30"), "query arithmetic into the first")
    table, _ = case([{"node": "B1", "formula": "sum(mtd_amt where cc_id = 'nope')", "into": "mtd"}])
    same((row(table, "B1")[2], row(table, "B1", "mtd")[2], row(table, "R", "mtd")[2]), ("20", "0", "119"), "query arithmetic into mtd")
    chain = [{"node": "A", "formula": "B + 1"}, {"node": "B", "formula": "2 * B1"}, {"node": "B1", "formula": "A2 * 10"}]
    table, _ = case(chain[:2] + [{"node": "B1", "where": "book is null"}])
    same(row(table, "A")[2], "41", "formulas in dependency order")
    table, _ = case(chain)
    same((row(table, "B1")[2], row(table, "B")[2], row(table, "A")[2]), ("30", "60", "61"), "a chain of formulas")
    refused(lambda: case(chain[:2] + [{"node": "B1", "formula": "A * 10"}]), "cycle over the aggregation edges")
    refused(lambda: case([{"node": "A1", "formula": "R + 1"}]), "a formula that names its ancestor")
    refused(lambda: case([{"node": "A1", "formula": "adjusted(A1)"}]), "adjusted of itself")
    refused(lambda: case([rule, rule]), "two rules on one node")
    refused(lambda: case([dict(rule, measure_name="book")]), "measure_name that is not numeric")
    refused(lambda: case([{"node": "A", "formula": "A1 + sum(daily_amt)"}]), "mixed formula")

    # identities that hold whatever the rules: plug = natural - adjusted, root natural = all facts
    table, result = case([rule, inner, {"node": "B", "formula": "A1 - 3"}], policy=TOP_DOWN)
    for cell in result.cells:
        same(cell.plug, cell.natural - cell.adjusted, "plug")
    print("rollup_oracle: %d checks pass" % checks[0])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--self-test", action="store_true")
    parser.add_argument("--structure")
    parser.add_argument("--facts")
    parser.add_argument("--use-case", help="JSON with the keys of the YAML format")
    parser.add_argument("--date")
    parser.add_argument("--policy")
    args = parser.parse_args()
    if args.self_test:
        self_test()
        return
    if not (args.structure and args.facts and args.use_case and args.date):
        parser.error("--structure, --facts, --use-case and --date are needed")
    with open(args.use_case, encoding="utf-8") as handle:
        use_case = json.load(handle)
    result = evaluate(Structure(*read_csv_file(args.structure)), Facts(*read_csv_file(args.facts)),
                      use_case, args.date, args.policy)
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(Cell._fields)
    for cell in result.cells:
        writer.writerow(list(cell[:3]) + [plain(v) for v in cell[3:7]] + [cell.fact_count])


if __name__ == "__main__":
    main()
