#!/usr/bin/env python3
"""Seeded random cases for the roll-up: a structure, facts and a use case with rules.

    rollup_random.py --seed 7 --facts 100000 --nodes 5000 --rules 60 --out DIR
    rollup_random.py --self-test

The same seed and options give the same bytes. Predicates and formulas are made as
trees and printed; nothing here knows how the oracle or the product reads them.
"""
import argparse
import hashlib
import json
import os
import random
import re
import sys
from fractions import Fraction

DATES = ["2025-12-24", "2025-12-23", "2024-02-29"]
FACT_COLUMNS = ["pnl_date", "scenario", "cc_id", "book", "strategy", "region", "process_2",
                "daily_amt", "mtd_amt", "commission"]
NUMERIC = ["daily_amt", "mtd_amt", "commission"]
TEXT = ["cc_id", "book", "strategy", "region", "process_2"]

STRATEGIES = ["CORE", "Core", "core", "VOL 'long'", 'He said "sell"', "a,b", "=SUM(A1)", "-carry", "@macro",
              "\U0001F600 meme", "\uff21lpha", "\u00c9clair", "E\u0301clair", "null", "line\nbreak", "DELTA", "GAMMA"]
REGIONS = ["EMEA", "APAC", "AMER", "LATAM", "O'Hare", "50%", "500", "a_b", "axb", "back\\slash", "Stra\u00dfe"]
PROCESSES = ["SWAP COMMISSION", "SD COMMISSION", "TRADING", "FX % reval", "x;--", "''", "\u65e5\u672c", "<b>bold</b>", "and", "{not}"]
EDGE_SPACES = ["CORE ", " CORE"]

RESERVED = {"and", "or", "not", "in", "between", "like", "is", "null", "date", "true", "false", "sum", "natural",
            "adjusted", "where"}
BARE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


class Options:
    def __init__(self, facts=5000, nodes=300, rules=30, digits=15, division=False, plain_ids=False,
                 edge_spaces=False, quoted_ids=False, max_depth=12):
        self.facts, self.nodes, self.rules, self.digits = facts, max(3, nodes), rules, digits
        self.division, self.plain_ids, self.edge_spaces = division, plain_ids, edge_spaces
        self.quoted_ids, self.max_depth = quoted_ids, max_depth


class Case:
    """structure_csv, facts_csv (bytes), use_case (dict), dates with facts, and the rule trees."""


# ---------------------------------------------------------------- texts

def csv_cell(value, rng=None):
    if any(ch in value for ch in ',"\n\r') or value != value.strip() or (value and rng and rng.random() < 0.02):
        return '"' + value.replace('"', '""') + '"'
    return value


def csv_bytes(header, rows, rng=None, newline="\n"):
    lines = [",".join(header)]
    lines += [",".join(csv_cell(value, rng if i >= 2 and i < 7 else None) for i, value in enumerate(row)) for row in rows]
    return (newline.join(lines) + newline).encode("utf-8")


def keyword(rng, word):
    return rng.choice([word, word, word, word.upper(), word.capitalize()])


def gap(rng):
    return rng.choice([" ", " ", " ", " ", "  ", "\n", "\t"])


def tight(rng):
    return rng.choice([" ", " ", " ", ""])


def column_text(rng, column):
    return '"%s"' % column if rng.random() < 0.15 else column


def literal_text(rng, literal):
    kind, value = literal
    if kind == "text":
        return "'" + value.replace("'", "''") + "'"
    if kind == "date":
        return keyword(rng, "date") + " '" + value + "'"
    return value  # numeric, already text


PREDICATE_LEVEL = {"or": 1, "and": 2, "not": 3}


def predicate_text(rng, tree, level=0):
    """Print a predicate with the brackets its grammar needs, and now and then one more."""
    op = tree[0]
    mine = PREDICATE_LEVEL.get(op, 4)
    if op in ("and", "or"):
        joint = gap(rng) + keyword(rng, op) + gap(rng)
        # a nested node of the same operator may stay bare: and/or are associative
        text = joint.join(predicate_text(rng, part, mine) for part in tree[1])
    elif op == "not":
        text = keyword(rng, "not") + gap(rng) + predicate_text(rng, tree[1], mine)
    else:
        text = test_text(rng, tree)
    if mine < level or rng.random() < 0.08:
        text = "(" + tight(rng).strip() + text + ")"
    return text


def test_text(rng, tree):
    op, column = tree[0], column_text(rng, tree[1])
    signs = {"eq": ["="], "ne": ["!=", "<>"], "gt": [">"], "gte": [">="], "lt": ["<"], "lte": ["<="]}
    if op in signs:
        space = tight(rng)
        return column + space + rng.choice(signs[op]) + space + literal_text(rng, tree[2])
    middle = " " + (keyword(rng, "not") + " " if op.startswith("not_") else "")
    if op in ("in", "not_in"):
        items = ("," + tight(rng)).join(literal_text(rng, literal) for literal in tree[2])
        return column + middle + keyword(rng, "in") + tight(rng) + "(" + items + ")"
    if op in ("between", "not_between"):
        return (column + middle + keyword(rng, "between") + " " + literal_text(rng, tree[2]) + gap(rng)
                + keyword(rng, "and") + " " + literal_text(rng, tree[3]))
    if op in ("like", "not_like"):
        return column + middle + keyword(rng, "like") + " " + literal_text(rng, ("text", tree[2]))
    if op == "is_null":
        return column + " " + keyword(rng, "is") + " " + keyword(rng, "null")
    return column + " " + keyword(rng, "is") + " " + keyword(rng, "not") + " " + keyword(rng, "null")


def formula_text(rng, tree, naming, level=0):
    """tree: num text | node kind id | sum column predicate | bin op left right."""
    op = tree[0]
    if op == "num":
        return tree[1]
    if op == "node":
        _, kind, node = tree
        reference = naming(node)
        return reference if kind == "bare" else "%s(%s)" % (kind, reference)
    if op == "sum":
        where = " " + keyword(rng, "where") + gap(rng) + predicate_text(rng, tree[2]) if tree[2] else ""
        return "sum(" + column_text(rng, tree[1]) + where + ")"
    sign = tree[1]
    mine = 1 if sign in "+-" else 2
    space = tight(rng)
    text = (formula_text(rng, tree[2], naming, mine) + space + sign + space
            + formula_text(rng, tree[3], naming, mine + 1))
    return "(" + text + ")" if mine < level or rng.random() < 0.08 else text


# ---------------------------------------------------------------- structure

def make_structure(rng, options, unique_names):
    count = options.nodes
    ids, used = [], set()
    for i in range(count):
        node = "N%d" % i
        if not options.plain_ids and i > 0 and rng.random() < 0.08:
            node = rng.choice(["=X%d", "-D%d", "+P%d", "@A%d", "N %d", "N%d's", "N%d,c", "\u00d1%d", "n%d\U0001F600",
                               "N%d.x", "N%d/y", 'N%d"q', "n%d", "N%d-N1", "%d%%cc"]).replace("%d", str(i), 1).replace("%%", "%")
        used.add(node)
        ids.append(node)
    if not options.plain_ids and count > 20:
        for i, word in zip(rng.sample(range(1, count), 3), ("natural", "sum", "and")):
            ids[i] = word
    assert len(set(ids)) == count
    parent, depth = {0: None}, {0: 0}
    chain = rng.random() * 0.5 + 0.1
    for i in range(1, count):
        for _ in range(50):
            up = rng.randrange(max(0, i - 4), i) if rng.random() < chain else rng.randrange(i)
            if rng.random() < 0.5 and i > 20:
                up = rng.randrange(max(1, i // 5))  # keep some nodes broad
            if depth[up] < options.max_depth:
                break
        else:
            up = 0
        parent[i], depth[i] = up, depth[up] + 1
    names, seen = [], set()
    for i in range(count):
        if rng.random() < 0.6:
            name = "Desk %d" % i
        else:
            name = rng.choice(["=SUM(A%d)", "+%d plus", "-%d minus", "@cmd %d", 'He said "%d"', "Smith, %d & Co",
                               "O'Brien %d", "L\u00ednea\n%d", "\u65e5\u672c%d", "\U0001F600 %d", "a;b|%d", "%d% _x\\",
                               "x'; drop table t; -- %d", "<b>%d</b>", "${%d}", "e\u0301 %d", "tab\t%d", "NODE %d",
                               "node %d"]).replace("%d", str(i), 1)
        if not unique_names and i > 2 and rng.random() < 0.05:
            name = names[rng.randrange(1, i)]
        seen.add(name)
        names.append(name)
    return ids, parent, depth, names


# ---------------------------------------------------------------- facts

def make_amount(rng, digits):
    roll = rng.random()
    if roll < 0.06:
        return ""
    if roll < 0.08:
        return rng.choice(["0", "0.00", "-0.00", "1", "-1", "0.000001"])
    size = rng.randint(1, min(7, digits)) if roll < 0.75 else rng.randint(1, min(11, digits)) if roll < 0.97 else rng.randint(1, digits)
    number = str(rng.randrange(10 ** size))
    places = rng.choice([0, 1, 2, 2, 2, 2, 3, 4, 5, 6])
    places = min(places, digits)
    number = number.rjust(places + 1, "0")
    text = (number[:-places].lstrip("0") or "0") + "." + number[-places:] if places else number
    return ("-" if rng.random() < 0.45 else "") + text


def make_facts(rng, options, ids, leaves, names, bound_names, dates, scenarios):
    pools = {
        "book": ["B%d" % i for i in range(12)] + ["B'x", "b1"],
        "strategy": STRATEGIES + (EDGE_SPACES if options.edge_spaces else []),
        "region": [r for r in REGIONS if r != "500"] + ["500x"],
        "process_2": PROCESSES,
    }
    for column, (values, share) in bound_names.items():
        pools[column] = pools[column] + values if share else pools[column]
    null_share = {column: rng.choice([0.02, 0.1, 0.3]) for column in TEXT}
    leaf_ids = [ids[i] for i in leaves]
    busy = leaf_ids[: max(1, int(len(leaf_ids) * 0.8))]  # the rest stays without facts
    rows = []
    for _ in range(options.facts):
        if rows and rng.random() < 0.002:
            rows.append(list(rng.choice(rows)))  # an exact duplicate is one more fact
            continue
        roll = rng.random()
        cc = (rng.choice(busy) if roll < 0.7 else rng.choice(ids) if roll < 0.85
              else rng.choice(["NOWHERE", "N999999", "nowhere 'x'", "UNASSIGNED", names[0]]) if roll < 0.93 else rng.choice(leaf_ids))
        row = {"cc_id": cc}
        for column in ("book", "strategy", "region", "process_2"):
            row[column] = rng.choice(pools[column])
        for column in TEXT:
            if rng.random() < null_share[column]:
                row[column] = ""
        roll = rng.random()
        row["pnl_date"] = "" if roll < 0.01 else dates[0] if roll < 0.7 else rng.choice(dates)
        row["scenario"] = "" if rng.random() < 0.01 else rng.choice(scenarios)
        if row["pnl_date"] == dates[-1] and len(scenarios) > 1 and row["scenario"] == scenarios[-1]:
            row["scenario"] = scenarios[0]  # one scenario is missing on the last date
        for column in NUMERIC:
            row[column] = make_amount(rng, options.digits)
        rows.append([row[column] for column in FACT_COLUMNS])
    # Each column must show its type, however few the rows.
    certain = dict(pnl_date=dates[0], scenario=scenarios[0], cc_id=leaf_ids[0], book="B1", strategy="CORE", region="EMEA",
                   process_2="TRADING", daily_amt="1.5", mtd_amt="-2.25", commission="0.125")
    rows.append([certain[column] for column in FACT_COLUMNS])
    return rows


# ---------------------------------------------------------------- predicates

class Predicates:
    def __init__(self, rng, rows, dates, scenarios):
        self.rng, self.dates, self.scenarios = rng, dates, scenarios
        some = rows if len(rows) <= 4000 else rng.sample(rows, 4000)
        at = {column: i for i, column in enumerate(FACT_COLUMNS)}
        self.pools = {column: sorted({row[at[column]] for row in some} - {""}) for column in TEXT + NUMERIC}

    def literal(self, column):
        rng = self.rng
        if column == "pnl_date":
            return ("date", rng.choice(self.dates + ["2025-12-25"]))
        if column == "scenario":
            return ("text", rng.choice(self.scenarios + ["Budget"]))
        value = rng.choice(self.pools[column])
        if column in NUMERIC:
            if rng.random() < 0.4:
                value = rng.choice(["0", "100", "-100.50", "2500", "-0.000001", "1.0", "99999999"])
            elif rng.random() < 0.2 and "." in value:
                value += "0"
            return ("numeric", value)
        if rng.random() < 0.05:
            value = rng.choice(["no such value", value.lower(), value + " ", "", "''", 'x"y'][:3])
        return ("text", value)

    def pattern(self, column):
        rng, out = self.rng, []
        value = rng.choice(self.pools[column])
        for ch in value:
            if rng.random() < 0.12:
                out.append("_")
            else:
                out.append("\\" + ch if ch in "%_\\" else ch)
        start = rng.randrange(len(out))
        end = rng.randint(start, len(out))
        shape = rng.choice(["all", "prefix", "suffix", "middle", "hole"])
        if shape == "all":
            return "".join(out)
        if shape == "prefix":
            return "".join(out[:end]) + "%"
        if shape == "suffix":
            return "%" + "".join(out[start:])
        if shape == "middle":
            return "%" + "".join(out[start:end]) + "%"
        return "".join(out[:start]) + "%" + "".join(out[end:])

    def test(self):
        rng = self.rng
        column = rng.choice(TEXT * 3 + NUMERIC * 2 + ["pnl_date", "scenario"])
        ops = ["eq", "ne", "in", "not_in", "gt", "gte", "lt", "lte", "between", "not_between", "is_null", "is_not_null"]
        if column in TEXT:
            ops += ["like", "not_like", "eq", "in", "like", "in"]
        op = rng.choice(ops)
        if op in ("in", "not_in"):
            return (op, column, [self.literal(column) for _ in range(rng.randint(1, 8))])
        if op in ("between", "not_between"):
            low, high = self.literal(column), self.literal(column)
            if rng.random() < 0.9:  # now and then the wrong way round: empty
                order = (lambda l: Fraction(l[1])) if column in NUMERIC else (lambda l: l[1])
                low, high = sorted([low, high], key=order)
            return (op, column, low, high)
        if op in ("like", "not_like"):
            return (op, column, self.pattern(column))
        if op in ("is_null", "is_not_null"):
            return (op, column)
        return (op, column, self.literal(column))

    def tree(self, depth=3):
        rng = self.rng
        roll = rng.random()
        if depth == 0 or roll < 0.4:
            return self.test()
        if roll < 0.55:
            return ("not", self.tree(depth - 1))
        return ("and" if roll < 0.78 else "or", [self.tree(depth - 1) for _ in range(rng.randint(2, 3))])


# ---------------------------------------------------------------- rules

def make_rules(rng, options, ids, parent, names, predicates, measures):
    count = len(ids)
    children = {i: [] for i in range(count)}
    for i in range(1, count):
        children[parent[i]].append(i)
    inner = [i for i in range(count) if children[i]]
    chosen = set()
    wanted = min(options.rules, count)
    while len(chosen) < wanted:
        roll = rng.random()
        if roll < 0.45:
            node = rng.choice(inner)
        elif roll < 0.7 and chosen:  # above or below another rule
            node = rng.choice(sorted(chosen))
            node = parent[node] if rng.random() < 0.5 and parent[node] is not None else rng.choice(children[node] or [node])
        else:
            node = rng.randrange(count)
        chosen.add(node)
    order = sorted(chosen)
    rng.shuffle(order)
    name_count = {}
    for name in names:
        name_count[name] = name_count.get(name, 0) + 1
    depends = {i: [] for i in range(count)}  # formula operands; the aggregation edges are children[]

    def reaches(start, goal):
        todo, seen = [start], {start}
        while todo:
            node = todo.pop()
            if node == goal:
                return True
            for other in children[node] + depends[node]:
                if other not in seen:
                    seen.add(other)
                    todo.append(other)
        return False

    def operand(node):
        for _ in range(30):
            pool = children[node] if rng.random() < 0.35 else inner if rng.random() < 0.5 else range(count)
            if not pool:
                continue
            other = rng.choice(pool)
            if '"' in ids[other] and not options.quoted_ids and not bracketable(other):
                continue
            if other != node and not reaches(other, node):
                depends[node].append(other)
                return other
        return None

    def bracketable(i):
        return name_count[names[i]] == 1 and "[" not in names[i] and "]" not in names[i]

    def naming(i):
        roll = rng.random()
        must_bracket = '"' in ids[i] and not options.quoted_ids
        if bracketable(i) and (must_bracket or roll < 0.25):
            return "[" + names[i] + "]"
        if BARE.match(ids[i]) and ids[i].lower() not in RESERVED and roll < 0.85:
            return ids[i]
        return '"' + ids[i].replace('"', '""') + '"'

    def constant():
        return ("num", rng.choice(["2", "0.5", "1.25", "100", "0", "0.0001", "3", "12345.678"]))

    def node_leaf(node):
        if rng.random() < 0.12 and ('"' not in ids[node] or options.quoted_ids):
            return ("node", rng.choice(["bare", "natural"]), node)
        other = operand(node)
        if other is None:
            return None
        return ("node", rng.choice(["bare", "bare", "natural", "adjusted"]), other)

    def arithmetic(leaf, size):
        if size == 1:
            return leaf()
        left_size = rng.randint(1, size - 1)
        left, right = arithmetic(leaf, left_size), arithmetic(leaf, size - left_size)
        if left is None or right is None:
            return left or right
        return ("bin", rng.choice("++--"), left, right)

    def with_constants(tree):
        if rng.random() < 0.35:
            op, number = rng.choice("+-**"), constant()
            tree = ("bin", op, number, tree) if rng.random() < 0.4 else ("bin", op, tree, number)
        if options.division and rng.random() < 0.5:  # quotients that terminate
            tree = ("bin", "/", tree, ("num", rng.choice(["2", "4", "5", "8", "10", "0.5", "1.25"])))
        return tree

    specs, trees = [], {}
    for node in order:
        flavour = rng.choice(["filter"] * 6 + ["switch"] * 5 + ["nodes"] * 6 + ["query"] * 4)
        spec = {"node": ids[node]}
        tree = None
        if flavour == "nodes":
            tree = arithmetic(lambda: node_leaf(node), rng.randint(1, 4))
            if tree is None:
                flavour = "filter"
            else:
                if rng.random() < 0.1:  # a product of two nodes, of naturals only: no towers of digits
                    parts = [("node", "natural", t[2]) for t in nodes_in(tree)][:2]
                    tree = ("bin", "*", parts[0], parts[-1])
                tree = with_constants(tree)
                spec["formula"] = formula_text(rng, tree, naming)
        if flavour == "query":
            def sum_leaf():
                return ("sum", rng.choice(NUMERIC), predicates.tree(2) if rng.random() < 0.9 else None)
            tree = with_constants(arithmetic(sum_leaf, rng.randint(1, 3)))
            spec["formula"] = formula_text(rng, tree, naming)
            if rng.random() < 0.5:
                spec["into"] = rng.choice(list(measures))
        if flavour in ("filter", "switch"):
            tree = predicates.tree()
            spec["where"] = predicate_text(rng, tree)
            if rng.random() < 0.5:
                spec["scope"] = "table" if rng.random() < 0.5 else "node"
            if flavour == "switch":
                spec["measure_name"] = rng.choice(NUMERIC + list(measures))
                if rng.random() < 0.5:
                    spec["into"] = rng.choice(list(measures))
        specs.append(spec)
        trees[ids[node]] = tree
    return specs, trees


def nodes_in(tree):
    if tree[0] == "node":
        return [tree]
    return nodes_in(tree[2]) + nodes_in(tree[3]) if tree[0] == "bin" else []


# ---------------------------------------------------------------- a case

def make_case(seed, options, suffix=""):
    rng = random.Random("tieout rollup %d" % seed)
    case = Case()
    style = ["leaves", "all", "two columns", "leaves", "names", "structure", "two columns names", "lists"][seed % 8]
    unique_names = style in ("names", "two columns names")
    ids, parent, depth, names = make_structure(rng, options, unique_names)
    parents = set(parent.values())
    leaves = [i for i in range(len(ids)) if i not in parents]
    # a second driver column: a handful of nodes claimed by book or strategy
    some = sorted(rng.sample(range(len(ids)), min(len(ids), 8)))
    drivers, bound = None, {}
    if style in ("leaves", "all"):
        drivers = [{"nodes": style, "column": "cc_id", "value": "node_id"}]
    elif style == "two columns":
        drivers = [{"nodes": rng.choice(["leaves", "all"]), "column": "cc_id", "value": "node_id"},
                   {"nodes": [ids[i] for i in some], "column": "book", "value": "node_id"}]
        bound["book"] = ([ids[i] for i in some], True)
    elif style == "names":
        drivers = [{"nodes": rng.choice(["leaves", "all"]), "column": "strategy", "value": "node_name"}]
        bound["strategy"] = ([names[i] for i in (leaves + some)[:200]], True)
    elif style == "two columns names":
        drivers = [{"nodes": "leaves", "column": "cc_id", "value": "node_id"},
                   {"nodes": [ids[i] for i in some], "column": "strategy", "value": "node_name"}]
        bound["strategy"] = ([names[i] for i in some], True)
    elif style == "lists":
        half = [ids[i] for i in leaves[::2]] + ([ids[0]] if leaves[0] != 0 else [])
        drivers = [{"nodes": half, "column": "cc_id", "value": "node_id"},
                   {"nodes": [ids[i] for i in leaves[1::2]] or [ids[i] for i in leaves[:1]], "column": "cc_id", "value": "node_id"}]
    if drivers and len(drivers) == 2 and rng.random() < 0.5:
        drivers.reverse()
    dates = DATES[: rng.choice([2, 3])]
    scenarios = ["ACTUAL", "PRIOR"] + (["Plan 'B'"] if seed % 4 == 3 else [])
    rows = make_facts(rng, options, ids, leaves, names, bound, dates, scenarios)
    measures = {"daily": "daily_amt", "mtd": "mtd_amt"}
    if rng.random() < 0.3:
        measures["comm"] = "commission"
    if rng.random() < 0.3:
        measures = dict(reversed(list(measures.items())))
    predicates = Predicates(rng, rows, dates, scenarios)
    rules, case.trees = make_rules(rng, options, ids, parent, names, predicates, measures)

    structure_rows = [[ids[i], "" if parent[i] is None else ids[parent[i]], names[i]] for i in range(len(ids))]
    header = ["node_id", "parent_node_id", "node_name"]
    if style == "structure":
        header += ["rollup_driver", "rollup_value_source"]
        leaf_set = set(leaves)
        for i, row in enumerate(structure_rows):
            row += ["cc_id", "node_id"] if i in leaf_set else ["", ""]
    if seed % 3 != 0:
        rng.shuffle(structure_rows)
    case.seed, case.style, case.options, case.ids = seed, style, options, ids
    case.structure_header, case.structure_rows = header, structure_rows
    case.facts_header, case.facts_rows = FACT_COLUMNS, rows
    case.newline = "\r\n" if seed % 5 == 2 else "\n"
    case.structure_csv = csv_bytes(header, structure_rows, None, case.newline)
    case.facts_csv = csv_bytes(FACT_COLUMNS, rows, random.Random(seed), case.newline)
    case.dates = [d for d in dates if any(r[0] == d and r[1] for r in rows)]
    case.depth = max(depth.values())
    case.use_case = {
        "use_case": "Random Book %d%s" % (seed, suffix), "structure": "RB%d%s" % (seed, suffix),
        "source": {"table": "fact_rb_%d%s" % (seed, suffix), "date": "pnl_date", "scenario": "scenario"},
        "measures": measures, "policy": "top_down" if seed % 2 else "most_specific",
    }
    if drivers:
        case.use_case["drivers"] = drivers
    case.use_case["rules"] = rules
    return case


def shuffled_facts(case, seed):
    rng = random.Random("shuffle %d %d" % (case.seed, seed))
    rows = list(case.facts_rows)
    rng.shuffle(rows)
    return csv_bytes(case.facts_header, rows, rng, "\n")


def quoted(value):
    return json.dumps(value, ensure_ascii=False)


def flow(value):
    if isinstance(value, dict):
        return "{" + ", ".join("%s: %s" % (key if BARE.match(key) else quoted(key), flow(v)) for key, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(flow(v) for v in value) + "]"
    return quoted(value)


def use_case_yaml(use_case):
    lines = []
    for key, value in use_case.items():
        if isinstance(value, list):
            if value:
                lines.append(key + ":")
                lines += ["  - " + flow(item) for item in value]
        else:
            lines.append("%s: %s" % (key, flow(value)))
    return "\n".join(lines) + "\n"


def write_case(case, folder, facts_csv=None, use_case=None):
    os.makedirs(folder, exist_ok=True)
    paths = {name: os.path.join(folder, name) for name in ("structure.csv", "facts.csv", "usecase.yaml", "usecase.json")}
    use_case = use_case or case.use_case
    for name, content in (("structure.csv", case.structure_csv), ("facts.csv", facts_csv or case.facts_csv),
                          ("usecase.yaml", use_case_yaml(use_case).encode("utf-8")),
                          ("usecase.json", json.dumps(use_case, ensure_ascii=False, indent=1).encode("utf-8"))):
        with open(paths[name], "wb") as handle:
            handle.write(content)
    return paths


# ---------------------------------------------------------------- self-test

def tree_holds(tree, row):
    """The generator's own reading of its tree, on the CSV text of one row."""
    op = tree[0]
    if op == "and":
        return all(tree_holds(t, row) for t in tree[1])
    if op == "or":
        return any(tree_holds(t, row) for t in tree[1])
    if op == "not":
        return not tree_holds(tree[1], row)
    value = row[tree[1]]
    if op == "is_null":
        return value == ""
    if op.startswith("not_") and op != "not_in":
        return not tree_holds((op[4:],) + tree[1:], row)
    if op == "is_not_null":
        return value != ""
    if value == "":
        return False
    number = tree[1] in NUMERIC
    own = Fraction(value) if number else value

    def of(literal):
        return Fraction(literal[1]) if number else literal[1]

    if op == "like":
        return like_matches(value, tree[2])
    if op in ("in", "not_in"):
        return (own in [of(l) for l in tree[2]]) == (op == "in")
    if op == "between":
        return of(tree[2]) <= own <= of(tree[3])
    want = of(tree[2])
    return {"eq": own == want, "ne": own != want, "gt": own > want, "gte": own >= want, "lt": own < want, "lte": own <= want}[op]


def like_matches(value, pattern):
    """By backtracking over units, not by a regular expression."""
    units, i = [], 0
    while i < len(pattern):
        if pattern[i] == "\\":
            i += 1
            units.append(("is", pattern[i]))
        else:
            units.append(("any", "") if pattern[i] == "%" else ("one", "") if pattern[i] == "_" else ("is", pattern[i]))
        i += 1
    reachable = {0}
    for kind, ch in units:
        if kind == "any":
            reachable = set(range(min(reachable), len(value) + 1)) if reachable else set()
        else:
            reachable = {at + 1 for at in reachable if at < len(value) and (kind == "one" or value[at] == ch)}
    return len(value) in reachable


def tree_value(tree, leaf):
    if tree[0] == "num":
        return Fraction(tree[1])
    if tree[0] == "bin":
        left, right = tree_value(tree[2], leaf), tree_value(tree[3], leaf)
        return {"+": lambda: left + right, "-": lambda: left - right, "*": lambda: left * right, "/": lambda: left / right}[tree[1]]()
    return leaf(tree)


def self_test():
    sys.dont_write_bytecode = True
    import rollup_oracle as oracle
    checks = 0
    seen_ops, flavours, styles = set(), set(), set()
    for seed in range(1, 41):
        options = Options(facts=300, nodes=[3, 12, 60, 400][seed % 4], rules=25, division=seed % 3 == 0, edge_spaces=seed % 5 == 0,
                          quoted_ids=seed % 7 == 0)
        case, again = make_case(seed, options), make_case(seed, options)
        assert (case.structure_csv, case.facts_csv, case.use_case) == (again.structure_csv, again.facts_csv, again.use_case), seed
        assert use_case_yaml(case.use_case) == use_case_yaml(again.use_case)
        assert case.depth <= options.max_depth
        styles.add(case.style)
        structure = oracle.Structure(*oracle.read_csv_text(case.structure_csv.decode()))
        header, rows = oracle.read_csv_text(case.facts_csv.decode())
        assert rows == case.facts_rows and header == case.facts_header
        facts = oracle.Facts(header, rows)
        assert [facts.types[c] for c in FACT_COLUMNS] == ["date"] + ["text"] * 6 + ["numeric"] * 3, (seed, facts.types)
        named = [dict(zip(header, row)) for row in rows]
        # every predicate: the printed text as the oracle reads it = the tree as made here
        for spec in case.use_case["rules"]:
            tree = case.trees[spec["node"]]
            if "where" in spec:
                test = oracle.compile_predicate(oracle.parse_predicate(spec["where"]), facts)
                for plain, typed in zip(named, facts.rows):
                    assert tree_holds(tree, plain) == test(typed), (seed, spec["where"], plain)
                    checks += 1
                collect_ops(tree, seen_ops)
                flavours.add("switch" if "measure_name" in spec else "filter")
            else:
                flavours.add("query" if "sum(" in spec["formula"] else "nodes")
                parsed = oracle.parse_formula(spec["formula"])
                check_formula(tree, parsed, facts, named, oracle, case, spec)
                checks += 1
        # identities over the oracle's answer, and naturals by brute force
        for policy in ("most_specific", "top_down"):
            for date in case.dates:
                result = oracle.evaluate(structure, facts, case.use_case, date, policy)
                checks += check_identities(structure, facts, case, date, result, brute=seed <= 12 and policy == "top_down")
        mixed = shuffled_facts(case, 1)
        assert mixed != case.facts_csv
        assert sorted(oracle.read_csv_text(mixed.decode())[1]) == sorted(rows)
    missing = {"eq", "ne", "in", "not_in", "gt", "gte", "lt", "lte", "between", "not_between", "is_null", "is_not_null", "like",
               "not_like", "and", "or", "not"} - seen_ops
    assert not missing, missing
    assert flavours == {"filter", "switch", "query", "nodes"}, flavours
    assert len(styles) == 7, styles
    print("rollup_random: %d checks pass (40 seeds, every operator, four flavours, 7 driver styles)" % checks)


def collect_ops(tree, into):
    into.add(tree[0])
    if tree[0] in ("and", "or"):
        for part in tree[1]:
            collect_ops(part, into)
    elif tree[0] == "not":
        collect_ops(tree[1], into)


def check_formula(tree, parsed, facts, named, oracle, case, spec):
    """The printed formula, read by the oracle, has the value of the tree for made-up node values."""
    structure = oracle.Structure(case.structure_header, case.structure_rows)

    def made_up(kind, node):
        return Fraction(int(hashlib.sha256((kind + node).encode()).hexdigest()[:8], 16), 1000)

    def of_tree(t):
        if t[0] == "node":
            return made_up(t[1], case.ids[t[2]])
        picked = [r for r in named if t[2] is None or tree_holds(t[2], r)]
        return sum((Fraction(r[t[1]]) for r in picked if r[t[1]]), Fraction(0))

    def of_parsed(t):
        if t[0] == "num":
            return t[1]
        if t[0] == "bin":
            return oracle.apply_op(t[1], of_parsed(t[2]), of_parsed(t[3]))
        if t[0] == "node":
            return made_up(t[1], structure.find(t[2]))
        test = oracle.compile_predicate(t[2], facts) if t[2] else (lambda row: True)
        i = facts.numeric_index(t[1])
        return sum((Fraction(r[i]) for r in facts.rows if test(r) and r[i] is not None), Fraction(0))

    got, want = of_parsed(parsed), tree_value(tree, of_tree)
    assert got == want, (case.seed, spec["formula"], got, want)


def check_identities(structure, facts, case, date, result, brute):
    checks = 0
    by = {(c.node_id, c.measure, c.scenario): c for c in result.cells}
    assert len(by) == len(result.cells) == len(structure.parent) * len(result.scenarios) * len(case.use_case["measures"])
    for measure, column in case.use_case["measures"].items():
        i = facts.index(column)
        for scenario in result.scenarios:
            scope = [r for r in facts.rows if r[0] == date and r[1] == scenario]
            root = by[structure.root, measure, scenario]
            assert root.natural == sum((Fraction(r[i]) for r in scope if r[i] is not None), Fraction(0))
            assert root.fact_count == len(scope)
            gap_below = sum((by[n, measure, scenario].plug - sum((by[c, measure, scenario].plug for c in structure.children[n]), Fraction(0))
                             for n in structure.parent if by[n, measure, scenario].plug is not None), Fraction(0))
            assert gap_below == root.plug
            checks += 3
            if brute:
                oracle_bindings = case.use_case.get("drivers")
                for node in list(structure.parent)[:40]:
                    total, count = Fraction(0), 0
                    for r in scope:
                        owner = brute_owner(structure, facts, case, oracle_bindings, r)
                        at, inside = owner, False
                        while at is not None:
                            inside = inside or at == node
                            at = structure.parent[at]
                        if inside:
                            count += 1
                            total += Fraction(r[i] or 0)
                    cell = by[node, measure, scenario]
                    assert (cell.natural, cell.fact_count) == (total, count), (case.seed, node)
                    checks += 1
    return checks


def brute_owner(structure, facts, case, drivers, row):
    """The owner of a fact straight from the words of the specification, node by node."""
    at = facts.columns
    if not drivers:
        return row[at["cc_id"]] if row[at["cc_id"]] in structure.own_leaves else "UNASSIGNED"
    columns = []
    for driver in drivers:
        if driver["column"] not in columns:
            columns.append(driver["column"])
    for column in columns:
        for driver in drivers:
            if driver["column"] != column:
                continue
            for node in structure.parent:
                if node == "UNASSIGNED" or (driver["nodes"] == "leaves" and node not in structure.own_leaves):
                    continue
                if isinstance(driver["nodes"], list) and node not in driver["nodes"]:
                    continue
                if row[at[column]] == (node if driver["value"] == "node_id" else structure.name[node]):
                    return node
    return "UNASSIGNED"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--self-test", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--facts", type=int, default=5000)
    parser.add_argument("--nodes", type=int, default=300)
    parser.add_argument("--rules", type=int, default=30)
    parser.add_argument("--digits", type=int, default=15)
    parser.add_argument("--division", action="store_true")
    parser.add_argument("--plain-ids", action="store_true")
    parser.add_argument("--edge-spaces", action="store_true")
    parser.add_argument("--quoted-ids", action="store_true")
    parser.add_argument("--out", help="folder for structure.csv, facts.csv, usecase.yaml, usecase.json")
    args = parser.parse_args()
    if args.self_test:
        self_test()
        return
    case = make_case(args.seed, Options(args.facts, args.nodes, args.rules, args.digits, args.division, args.plain_ids,
                                        args.edge_spaces, args.quoted_ids))
    if not args.out:
        parser.error("--out is needed")
    write_case(case, args.out)
    print("seed %d: %d facts, %d nodes (depth %d), %d rules, drivers: %s, dates %s -> %s" % (
        case.seed, len(case.facts_rows), len(case.structure_rows), case.depth, len(case.use_case["rules"]), case.style,
        " ".join(case.dates), args.out))


if __name__ == "__main__":
    main()
