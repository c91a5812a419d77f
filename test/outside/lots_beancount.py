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
import datetime
import sys
import time
from decimal import Decimal

sys.dont_write_bytecode = True
from lots_random import SHOWN, allocations, differences, generate, run, tieout

try:
    from beancount import loader
    from beancount.core import data
except ImportError:
    print("beancount is not installed; see the head of this file", file=sys.stderr)
    sys.exit(2)


def trades_of(seed, trades, symbols, fees):
    day = datetime.date(2000, 1, 1)

    def moment(_, symbol):
        nonlocal day
        if symbol == 0:
            day += datetime.timedelta(days=1)
        return f"{day.isoformat()}T12:00:00Z"

    def price(rng):
        return Decimal(rng.randint(1, 10**6)) / 10**3

    def fee(rng, *_):
        return Decimal(rng.randint(0, 10**4)) / 10**4 if fees else Decimal(0)

    return generate(seed, trades, symbols, 4, moment, price, fee)


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


def compare(seed, method, args, folder):
    fees = method in ("fifo", "lifo")
    rows = trades_of(seed, args.trades, args.symbols, fees)
    started = time.monotonic()
    text, said = tieout(rows, method, folder)
    ours_took = time.monotonic() - started
    ours = {}
    for row in allocations(text):
        cost = Decimal(row["cost_basis"]) - Decimal(row["buy_fee"])
        ours[(row["sell_order_id"], row["buy_order_id"])] = (Decimal(row["allocated_size"]), cost)
    started = time.monotonic()
    theirs = booked(journal(rows, method))
    theirs_took = time.monotonic() - started
    different = differences(ours, theirs, "beancount")
    written, _ = tieout(rows, method, folder, "--journal")
    _, errors, _ = loader.load_string(written)
    for error in errors[:SHOWN]:
        print(f"  journal: {error.message}")
    print(f"seed {seed} {method}: {len(ours)} allocations, {different} different, journal {len(errors)} errors; "
          f"tieout {ours_took:.2f} s ({said}), beancount {theirs_took:.2f} s", flush=True)
    return different + len(errors)


if __name__ == "__main__":
    sys.exit(run(__doc__, compare, symbols=50, methods="fifo,lifo,hifo"))
