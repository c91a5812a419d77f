"""What the comparisons of lots with other programs share: random trades, Tieout's allocations of them, the runs."""
import argparse
import csv
import io
import os
import random
import subprocess
import tempfile
from decimal import Decimal

RUNNER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "lots.mjs")
SHOWN = 20


def generate(seed, trades, symbols, places, moment, price, fee):
    """Rows of trades, dealt to the symbols in turn, sizes of `places` digits; no sell is larger than what is held.

    moment(rng, symbol number) → text, price(rng) → Decimal, fee(rng, side, size, price) → Decimal.
    """
    rng = random.Random(seed)
    held = [0] * symbols
    rows = []
    for n in range(trades):
        s = n % symbols
        at = moment(rng, s)
        sells = held[s] > 0 and rng.random() < 0.5
        units = rng.randint(1, held[s]) if sells and rng.random() < 0.7 else rng.randint(1, 10**6)
        if sells:
            units = min(units, held[s])
        held[s] += -units if sells else units
        side = "sell" if sells else "buy"
        size = Decimal(units) / 10**places
        each = price(rng)
        rows.append({
            # Tieout orders trades of one instant by the text of their ids.
            "order_id": f"o{n:09}",
            "symbol": f"C{chr(65 + s // 26)}{chr(65 + s % 26)}-USD",
            "side": side,
            "size": f"{size:f}",
            "price": f"{each:f}",
            "fee": f"{fee(rng, side, size, each):f}",
            "executed_at": at,
        })
    return rows


def tieout(rows, method, folder, *more):
    """What lots.mjs prints for the rows, and what it says of itself."""
    path = os.path.join(folder, "trades.csv")
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    done = subprocess.run(["node", RUNNER, path, "--method", method, *more], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"tieout failed: {done.stderr}")
    return done.stdout, done.stderr.strip()


def allocations(text):
    """Rows of allocations, each checked to add up by itself."""
    rows = list(csv.DictReader(io.StringIO(text)))
    for row in rows:
        gain = Decimal(row["proceeds"]) - Decimal(row["sell_fee"]) - Decimal(row["cost_basis"])
        assert gain == Decimal(row["pnl"]), row
    return rows


def differences(ours, theirs, name):
    """Counts the keys whose values are not the same, and prints the first of them."""
    different = [key for key in sorted(ours.keys() | theirs.keys()) if ours.get(key) != theirs.get(key)]
    for key in different[:SHOWN]:
        print(f"  {key}: tieout {ours.get(key)}, {name} {theirs.get(key)}")
    return len(different)


def run(description, compare, symbols, methods):
    """Compares every seed and method; compare(seed, method, args, folder) → number of differences. The exit code."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trades", type=int, default=20000)
    parser.add_argument("--symbols", type=int, default=symbols)
    parser.add_argument("--seeds", default="1..1")
    parser.add_argument("--methods", default=methods)
    args = parser.parse_args()
    first, last = (int(part) for part in args.seeds.split(".."))
    wrong = 0
    for seed in range(first, last + 1):
        for method in args.methods.split(","):
            with tempfile.TemporaryDirectory() as folder:
                wrong += compare(seed, method, args, folder)
    return 1 if wrong else 0
