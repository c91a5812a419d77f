"""What the outside tests of marts share: the command, and a look at each of the configurations that are named."""

import argparse
import pathlib
import subprocess
import tempfile
from collections.abc import Callable


def tieout(cli: str, db: str, *words: str) -> str:
    return subprocess.run(["node", cli, "--db", db, *words], check=True, capture_output=True, text=True).stdout


def each_mart(look: Callable[[str, pathlib.Path, pathlib.Path], tuple[str, list[str]]]) -> int:
    """`look` gets the command, a configuration and a folder to work in, and gives a line and what is wrong; 1 when anything is."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--cli", required=True)
    parser.add_argument("configs", nargs="+", type=pathlib.Path)
    given = parser.parse_args()
    failures = 0
    with tempfile.TemporaryDirectory() as work:
        for config in given.configs:
            line, wrong = look(given.cli, config.resolve(), pathlib.Path(work))
            failures += len(wrong)
            print(f"{config.parent.name}: {line}")
            for one in wrong[:5]:
                print(f"  {one}")
    return 1 if failures else 0
