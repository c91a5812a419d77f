#!/usr/bin/env python3
"""Compares lots with beancount, which books the same random trades by itself, allocation by allocation.

    npm run build
    python3 -m venv /tmp/bean && /tmp/bean/bin/pip install beancount==3.1.0
    /tmp/bean/bin/python test/outside/lots_beancount.py --trades 20000 --symbols 50 --seeds 1..2

Beancount knows days, no instants, so every symbol has at most one trade a day; and it ranks highest and lowest
cost without the fee, so trades have fees only under FIFO and LIFO. The journal that Tieout writes of its own
allocations, each lot by name, must load without an error too.
Exit 0 when every allocation is the same, 1 on any difference, 2 on usage.
"""
import argparse
import csv
import datetime
import io
import os
import random
import subprocess
import sys
import tempfile
import time
from decimal import Decimal

sys.dont_write_bytecode = True
try:
    from beancount import loader
    from beancount.core import data
except ImportError:
    print("beancount is not installed; see the head of this file", file=sys.stderr)
    sys.exit(2)

RUNNER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "lots.mjs")
SHOWN = 20


def generate(seed, trades, symbols, fees):
    """Rows of trades; no sell is larger than what is held, because beancount refuses it."""
    rng = random.Random(seed)
    held = [0] * symbols
    rows = []
    day = datetime.date(2000, 1, 1)
    for n in range(trades):
        s = n % symbols
        if s == 0:
            day += datetime.timedelta(days=1)
        sells = held[s] > 0 and rng.random() < 0.5
        units = rng.randint(1, held[s]) if sells and rng.random() < 0.7 else rng.randint(1, 10**6)
        if sells:
            units = min(units, held[s])
        held[s] += -units if sells else units
        rows.append({
            "order_id": f"o{n}",
            "symbol": f"C{chr(65 + s // 26)}{chr(65 + s % 26)}-USD",
            "side": "sell" if sells else "buy",
            "size": str(Decimal(units) / 10**4),
            "price": str(Decimal(rng.randint(1, 10**6)) / 10**3),
            "fee": str(Decimal(rng.randint(0, 10**4)) / 10**4) if fees else "0",
            "executed_at": f"{day.isoformat()}T12:00:00Z",
        })
    return rows


def journal(rows, method):
    """The trades for beancount to book: buys at price, fees apart, reductions without saying which lots."""
    out = ['option "booking_method" "%s"' % method.upper(), "1970-01-01 open Assets:Cash", "1970-01-01 open Expenses:Fees",
           "1970-01-01 open Income:PnL"]
    for base in sorted({row["symbol"].split("-")[0] for row in rows}):
        out.append(f'1970-01-01 open Assets:Lots:{base} {base} "{method.upper()}"')
    for row in rows:
        base = row["symbol"].split("-")[0]
        day = row["executed_at"][:10]
        out.append(f'{day} * "{row["order_id"]}"')
        if row["side"] == "buy":
            out.append(f'  Assets:Lots:{base}  {row["size"]} {base} {{{row["price"]} USD, "{row["order_id"]}"}}')
        else:
            out.append(f'  Assets:Lots:{base}  -{row["size"]} {base} {{}} @ {row["price"]} USD')
            out.append(f'  Assets:Cash  {Decimal(row["size"]) * Decimal(row["price"])} USD')
            out.append("  Income:PnL")
            continue
        out.append(f'  Assets:Cash  -{Decimal(row["size"]) * Decimal(row["price"])} USD')
    return "\n".join(out) + "\n"


def booked(text):
    """(sell, buy) → (size, cost) as beancount books them."""
    entries, errors, _ = loader.load_string(text)
    if errors:
        raise SystemExit(f"beancount refuses: {errors[0].message}")
    found = {}
    for entry in entries:
        if not isinstance(entry, data.Transaction):
            continue
        for posting in entry.postings:
            if posting.cost is None or posting.units.number > 0:
                continue
            key = (entry.narration, posting.cost.label)
            size, cost = found.get(key, (Decimal(0), Decimal(0)))
            size -= posting.units.number
            found[key] = (size, cost - posting.units.number * posting.cost.number)
    return found


def tieout(rows, method, folder, *more):
    path = os.path.join(folder, "trades.csv")
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    done = subprocess.run(["node", RUNNER, path, "--method", method, *more], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"tieout failed: {done.stderr}")
    return done.stdout, done.stderr.strip()


def compare(seed, method, args):
    fees = method in ("fifo", "lifo")
    rows = generate(seed, args.trades, args.symbols, fees)
    with tempfile.TemporaryDirectory() as folder:
        started = time.monotonic()
        text, said = tieout(rows, method, folder)
        ours_took = time.monotonic() - started
        ours = {}
        for row in csv.DictReader(io.StringIO(text)):
            cost = Decimal(row["cost_basis"]) - Decimal(row["buy_fee"])
            ours[(row["sell_order_id"], row["buy_order_id"])] = (Decimal(row["allocated_size"]), cost)
            gain = Decimal(row["proceeds"]) - Decimal(row["sell_fee"]) - Decimal(row["cost_basis"])
            assert gain == Decimal(row["pnl"]), row
        started = time.monotonic()
        theirs = booked(journal(rows, method))
        theirs_took = time.monotonic() - started
        different = [key for key in sorted(ours.keys() | theirs.keys()) if ours.get(key) != theirs.get(key)]
        written, _ = tieout(rows, method, folder, "--journal")
        _, errors, _ = loader.load_string(written)
    for key in different[:SHOWN]:
        print(f"  {key}: tieout {ours.get(key)}, beancount {theirs.get(key)}")
    for error in errors[:SHOWN]:
        print(f"  journal: {error.message}")
    print(f"seed {seed} {method}: {len(ours)} allocations, {len(different)} different, journal {len(errors)} errors; "
          f"tieout {ours_took:.2f} s ({said}), beancount {theirs_took:.2f} s")
    return len(different) + len(errors)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trades", type=int, default=20000)
    parser.add_argument("--symbols", type=int, default=50)
    parser.add_argument("--seeds", default="1..1")
    parser.add_argument("--methods", default="fifo,lifo,hifo")
    args = parser.parse_args()
    first, last = (int(part) for part in args.seeds.split(".."))
    wrong = sum(compare(seed, method, args) for seed in range(first, last + 1) for method in args.methods.split(","))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
