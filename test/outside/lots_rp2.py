#!/usr/bin/env python3
"""Compares lots with RP2, a tax program for crypto, on the same random trades: lot by lot and gain by gain.

    npm run build
    python3 -m venv /tmp/rp2 && /tmp/rp2/bin/pip install rp2==1.7.2
    /tmp/rp2/bin/python test/outside/lots_rp2.py --trades 20000 --symbols 4 --seeds 1..2

RP2's tax engine is called as its main program calls it, without the spreadsheets. Size, cost with fee, and gain of
every pair of sell and lot must be the same to the last digit, and so must the gain of every sell. Many trades
share an instant; both programs put the buys of an instant before its sells. Left out, because RP2 means otherwise:

- Sells of more than is held: RP2 refuses them.
- Fees of sells: RP2's are crypto that leaves the lots, and dollars paid for a sell do not lessen its gain.
- Fees that differ by rate: RP2 ranks highest and lowest cost without the fee, Tieout with it. Under one rate, which
  every buy has here, both ranks are the same.
- Fees that do not divide: RP2 keeps 31 digits, Tieout cuts shares at the eighth decimal and gives the last slice
  the rest. Sizes of 3 decimals, prices of 2 and a rate of 3 leave nothing to cut.
- Nanoseconds: RP2 knows microseconds.

Exit 0 when everything is the same, 1 on any difference, 2 on usage.
"""
import datetime
import os
import sys
import tempfile
import time
from decimal import Decimal

sys.dont_write_bytecode = True
from lots_random import allocations, differences, generate, run, tieout

# RP2 writes a log into the working directory when it is imported.
SCRATCH = tempfile.TemporaryDirectory()
os.chdir(SCRATCH.name)
try:
    from importlib import import_module

    from prezzemolo.avl_tree import AVLTree
    from rp2.accounting_engine import AccountingEngine
    from rp2.configuration import MIN_DATE, Configuration
    from rp2.in_transaction import InTransaction
    from rp2.input_data import InputData
    from rp2.out_transaction import OutTransaction
    from rp2.plugin.country.us import US
    from rp2.rp2_decimal import ZERO, RP2Decimal
    from rp2.tax_engine import compute_tax
    from rp2.transaction_set import TransactionSet
except ImportError:
    print("rp2 is not installed; see the head of this file", file=sys.stderr)
    sys.exit(2)

RATE = Decimal("0.001")
# Microseconds from one instant to the next: neighbours, seconds, days.
STEPS = (1, 10**6, 86_400 * 10**6)
COLUMNS = {
    "in_header": "timestamp asset exchange holder transaction_type spot_price crypto_in fiat_fee unique_id",
    "out_header": "timestamp asset exchange holder transaction_type spot_price crypto_out_no_fee crypto_fee unique_id",
    "intra_header": "timestamp asset from_exchange from_holder to_exchange to_holder crypto_sent crypto_received",
}


def trades_of(seed, trades, symbols):
    now = datetime.datetime(2000, 1, 1)

    def moment(rng, _):
        nonlocal now
        # An instant holds two trades of each symbol on average.
        if rng.random() * 2 * symbols < 1:
            now += datetime.timedelta(microseconds=rng.choice(STEPS))
        return f"{now.isoformat(timespec='microseconds')}Z"

    def price(rng):
        # Round prices meet again, so that highest and lowest cost have ties.
        return Decimal(rng.randint(1, 20) * 5000 if rng.random() < 0.3 else rng.randint(1, 10**7)).scaleb(-2)

    def fee(_, side, size, each):
        return size * each * RATE if side == "buy" else Decimal(0)

    return generate(seed, trades, symbols, 3, moment, price, fee)


def configuration(assets, folder):
    lines = ["[general]", f"assets = {', '.join(assets)}", "exchanges = venue", "holders = desk"]
    for section, names in COLUMNS.items():
        lines += [f"[{section}]", *(f"{name} = {at}" for at, name in enumerate(names.split()))]
    path = os.path.join(folder, "rp2.ini")
    with open(path, "w") as file:
        file.write("\n".join(lines) + "\n")
    return Configuration(path, US())


def taxed(rows, method, folder):
    """(sell, buy) → (size, cost, gain) as RP2 pairs them."""
    by_asset = {}
    for row in rows:
        by_asset.setdefault(row["symbol"].split("-")[0], []).append(row)
    config = configuration(sorted(by_asset), folder)
    methods = AVLTree()
    methods.insert_node(MIN_DATE.year, import_module(f"rp2.plugin.accounting_method.{method}").AccountingMethod())
    found = {}
    for asset, its in by_asset.items():
        sets = {kind: TransactionSet(config, kind, asset) for kind in ("IN", "OUT", "INTRA")}
        for line, row in enumerate(its, 1):
            head = (config, row["executed_at"], asset, "venue", "desk", row["side"], RP2Decimal(row["price"]))
            size = RP2Decimal(row["size"])
            if row["side"] == "buy":
                fee = RP2Decimal(row["fee"])
                sets["IN"].add_entry(InTransaction(*head, size, fiat_fee=fee, row=line, unique_id=row["order_id"]))
            else:
                sets["OUT"].add_entry(OutTransaction(*head, size, ZERO, row=line, unique_id=row["order_id"]))
        data = InputData(asset, sets["IN"], sets["OUT"], sets["INTRA"])
        for pair in compute_tax(config, AccountingEngine(methods), data).gain_loss_set:
            key = (pair.taxable_event.unique_id, pair.acquired_lot.unique_id)
            assert key not in found, key
            found[key] = tuple(Decimal(value) for value in (pair.crypto_amount, pair.fiat_cost_basis, pair.fiat_gain))
    return found


def gains(pairs):
    """sell → gain."""
    total = {}
    for (sell, _), (_, _, gain) in pairs.items():
        total[sell] = total.get(sell, 0) + gain
    return total


def compare(seed, method, args, folder):
    rows = trades_of(seed, args.trades, args.symbols)
    started = time.monotonic()
    text, said = tieout(rows, method, folder)
    ours_took = time.monotonic() - started
    ours = {}
    for row in allocations(text):
        key = (row["sell_order_id"], row["buy_order_id"])
        assert key not in ours, key
        ours[key] = tuple(Decimal(row[name]) for name in ("allocated_size", "cost_basis", "pnl"))
    started = time.monotonic()
    theirs = taxed(rows, method, folder)
    theirs_took = time.monotonic() - started
    pairs = differences(ours, theirs, "rp2")
    sells = differences(gains(ours), gains(theirs), "rp2")
    print(f"seed {seed} {method}: {len(rows)} trades, {len(ours)} allocations, {pairs} different, "
          f"{len(gains(ours))} gains of sells, {sells} different; "
          f"tieout {ours_took:.2f} s ({said}), rp2 {theirs_took:.2f} s", flush=True)
    return pairs + sells


if __name__ == "__main__":
    sys.exit(run(__doc__, compare, symbols=4, methods="fifo,lifo,hifo,lofo"))
