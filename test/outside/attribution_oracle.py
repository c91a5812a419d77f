#!/usr/bin/env python3
"""Attribution computed outside the product, with fractions.Fraction, and compared exactly through the command line.

    attribution_oracle.py --cli dist/cli.js --paths 10000     random paths, every model, Markov of orders 1 to 3
    attribution_oracle.py --self-test                         the oracle against figures worked by hand

It shares no code with the product and solves differently: states of the chain are eliminated one by one, exactly.
"""

import argparse
import csv
import json
import random
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from fractions import Fraction
from pathlib import Path

Counted = tuple[tuple[str, ...], int, int]


def transitions(paths: list[Counted], order: int):
    """Counts by state; a state is the last `order` touches, the start is ()."""
    counts: dict[tuple, Counter] = defaultdict(Counter)
    for path, conversions, nulls in paths:
        if conversions + nulls == 0:
            continue
        at: tuple = ()
        for i in range(len(path)):
            to = path[max(0, i + 1 - order) : i + 1]
            counts[at][to] += conversions + nulls
            at = to
        counts[at]["converted"] += conversions
        counts[at]["null"] += nulls
    return counts


def probability(counts, removed: str | None) -> Fraction:
    """Of conversion from the start, when touches of `removed` lead to null: eliminates every other state."""
    rows = {}
    for state, row in counts.items():
        total = sum(row.values())
        rows[state] = {
            to: Fraction(count, total)
            for to, count in row.items()
            if to != "null" and count > 0 and (to == "converted" or to[-1] != removed)
        }
    into = defaultdict(set)
    for state, row in rows.items():
        for to in row:
            into[to].add(state)
    left = set(rows) - {()}
    while left:
        state = min(left, key=lambda s: (len(into[s]) * len(rows[s]), s))
        left.remove(state)
        row = rows.pop(state)
        again = row.pop(state, Fraction(0))
        for to in row:
            into[to].discard(state)
        for before in into.pop(state, set()) - {state}:
            weight = rows[before].pop(state) / (1 - again)
            for to, share in row.items():
                rows[before][to] = rows[before].get(to, Fraction(0)) + weight * share
                into[to].add(before)
    start = rows[()]
    return start.get("converted", Fraction(0)) / (1 - start.get((), Fraction(0)))


def markov(paths: list[Counted], order: int):
    counts = transitions(paths, order)
    whole = probability(counts, None)
    channels = sorted({channel for path, _, _ in paths for channel in path})
    effects = {channel: 1 - probability(counts, channel) / whole for channel in channels}
    conversions = sum(c for _, c, _ in paths)
    total = sum(effects.values())
    return effects, {channel: conversions * effect / total for channel, effect in effects.items()}


def weights_of(model: str, path: tuple[str, ...]) -> dict[str, Fraction]:
    n = len(path)
    if model == "shapley":
        return {channel: Fraction(1, len(set(path))) for channel in set(path)}
    if model == "first":
        shares = [Fraction(i == 0) for i in range(n)]
    elif model == "last":
        shares = [Fraction(i == n - 1) for i in range(n)]
    elif model == "linear":
        shares = [Fraction(1, n)] * n
    else:
        first, middle, last = {"position": (40, 20, 40), "position?shape=J": (20, 20, 60)}[model]
        if n == 1:
            shares = [Fraction(1)]
        elif n == 2:
            shares = [Fraction(first, first + last), Fraction(last, first + last)]
        else:
            inner = [Fraction(middle, 100 * (n - 2))] * (n - 2)
            shares = [Fraction(first, 100), *inner, Fraction(last, 100)]
    found: dict[str, Fraction] = defaultdict(Fraction)
    for channel, share in zip(path, shares):
        found[channel] += share
    return found


def by_path(model: str, paths: list[Counted]) -> dict[str, Fraction]:
    found = {channel: Fraction(0) for path, _, _ in paths for channel in path}
    for path, conversions, _ in paths:
        for channel, share in weights_of(model, path).items():
            found[channel] += conversions * share
    return found


def largest_remainders(total: int, shares: dict[str, Fraction]) -> dict[str, int]:
    whole = sum(shares.values())
    exact = {key: total * share / whole for key, share in shares.items()}
    parts = {key: int(value) for key, value in exact.items()}
    order = sorted(exact, key=lambda key: (parts[key] - exact[key], key))
    for key in order[: total - sum(parts.values())]:
        parts[key] += 1
    return parts


def random_paths(seed: int, count: int, channels: int) -> list[Counted]:
    rng = random.Random(seed)
    names = [f"c{i:02d}" for i in range(channels)]
    popularity = [1 / (i + 1) for i in range(channels)]
    paths = []
    for _ in range(count):
        length = 1 + min(12, int(rng.expovariate(0.4)))
        path = tuple(rng.choices(names, popularity, k=length))
        paths.append((path, rng.choice([0, 0, 1, 2, 7]), rng.choice([0, 1, 3, 40])))
    return paths


def ask(cli: str, model: str, file: Path) -> dict:
    done = subprocess.run(
        ["node", cli, "attribution", "model", model, "--paths", str(file), "--json"],
        capture_output=True,
        text=True,
        cwd=file.parent,
    )
    if done.returncode != 0:
        sys.exit(f"{model}: exit {done.returncode}\n{done.stderr}")
    return json.loads(done.stdout)


def compare(what: str, found: dict[str, object], expected: dict[str, object]) -> int:
    wrong = {key for key in found.keys() | expected.keys() if found.get(key) != expected.get(key)}
    for key in sorted(wrong)[:5]:
        print(f"✗ {what} {key}: {found.get(key)}, expected {expected.get(key)}")
    return len(wrong)


def run(cli: str, count: int, seed: int, channels: int) -> int:
    paths = random_paths(seed, count, channels)
    wrong = 0
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "paths.csv"
        with file.open("w", newline="") as out:
            writer = csv.writer(out)
            writer.writerow(["path", "conversions", "nulls"])
            writer.writerows([" > ".join(path), c, n] for path, c, n in paths)
        for model in ["first", "last", "linear", "position", "position?shape=J", "shapley"]:
            answer = ask(cli, model, file)
            found = {row["channel"]: Fraction(row["conversions"]) for row in answer["channels"]}
            wrong += compare(model, found, by_path(model, paths))
        for order, most in [(1, channels), (2, 6), (3, 3)]:
            # Of higher orders fewer channels, for the oracle eliminates fraction by fraction.
            few = [(tuple(f"c{int(c[1:]) % most:02d}" for c in p), x, y) for p, x, y in paths]
            with file.open("w", newline="") as out:
                writer = csv.writer(out)
                writer.writerow(["path", "conversions", "nulls"])
                writer.writerows([" > ".join(path), c, n] for path, c, n in few)
            answer = ask(cli, f"markov?order={order}", file)
            effects, conversions = markov(few, order)
            rows = answer["channels"]
            found = {row["channel"]: Fraction(row["removal_effect"]) for row in rows}
            wrong += compare(f"removal effect of order {order}", found, effects)
            shown = {row["channel"]: Fraction(row["conversions"]) for row in rows}
            wrong += compare(f"conversions of order {order}", shown, conversions)
            weights = {row["channel"]: int(row["weight"]) for row in rows}
            wrong += compare(f"weights of order {order}", weights, largest_remainders(10**18, effects))
    print(f"{len(paths)} paths, {channels} channels: {wrong} differences")
    return 1 if wrong else 0


def self_test() -> int:
    paths = [(("a", "b", "a"), 2, 1), (("b",), 1, 3)]
    effects, conversions = markov(paths, 1)
    assert probability(transitions(paths, 1), None) == Fraction(3, 7)
    # Without a only start > b > conversion is left: 4/7 × 1/7 = 4/49, and 1 − (4/49) / (3/7) = 17/21.
    assert effects == {"a": Fraction(17, 21), "b": Fraction(2, 3)}, effects
    assert conversions == {"a": Fraction(51, 31), "b": Fraction(42, 31)}
    assert by_path("position", paths) == {"a": Fraction(8, 5), "b": Fraction(7, 5)}
    assert largest_remainders(100, {"a": Fraction(1), "b": Fraction(1), "c": Fraction(1)}) == {"a": 34, "b": 33, "c": 33}
    print("the oracle agrees with the figures worked by hand")
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--cli", default="dist/cli.js")
    parser.add_argument("--paths", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--channels", type=int, default=12)
    parser.add_argument("--self-test", action="store_true")
    given = parser.parse_args()
    sys.exit(self_test() if given.self_test else run(str(Path(given.cli).resolve()), given.paths, given.seed, given.channels))
