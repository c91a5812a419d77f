"""Times beancount and RP2 on random trades: `python lots_peers.py TRADES FOLDER`, with both installed as
test/outside/lots.sh does it. Writes the trades of each comparison as CSV, prints what it timed as lines of JSON.
"""
import csv
import json
import os
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "test", "outside"))
import lots_beancount
import lots_rp2

TIMES = 3


def least(work):
    took = []
    for _ in range(TIMES):
        started = time.monotonic()
        found = work()
        took.append(time.monotonic() - started)
    return min(took), len(found)


def main():
    trades, folder = int(sys.argv[1]), sys.argv[2]
    beancount = lots_beancount.trades_of(1, trades, 50, True)
    rp2 = lots_rp2.trades_of(1, trades, 4)
    for peer, rows in (("beancount", beancount), ("rp2", rp2)):
        with open(os.path.join(folder, f"{peer}.csv"), "w", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        for method in ("fifo", "lifo") if peer == "beancount" else ("fifo", "lifo", "hifo", "lofo"):
            if peer == "beancount":
                text = lots_beancount.journal(rows, method)
                seconds, allocations = least(lambda: lots_beancount.booked(text))
            else:
                with tempfile.TemporaryDirectory() as scratch:
                    seconds, allocations = least(lambda: lots_rp2.taxed(rows, method, scratch))
            print(json.dumps({"peer": peer, "method": method, "ms": seconds * 1000, "allocations": allocations}), flush=True)


main()
