"""E1, engine throughput: POST -> step a -> step b, durable (fsync), against the bare parts, interleaved.

`python -m bench.e1 [--seconds 5] [--rounds 3] [--connections 64] [--peers] [--short]`. Goal: >= 60 % of the bare parts of the
same language, and ahead of every peer; `--peers` installs them (bench/peers) and measures them in the same rounds.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from bench.report import machine, median, table
from bench.systems import BARE, SCRATCH, WISTRO, bare_of, load, peer_running, peers, running


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--short", action="store_true", help="one round of a second")
    parser.add_argument("--peers", action="store_true", help="other systems too")
    options = parser.parse_args()
    if options.short:
        options.seconds, options.rounds = 1, 1
    flows: dict[str, list[float]] = {}
    undone: dict[str, int] = {}
    with tempfile.TemporaryDirectory(prefix="wistro-bench-") as scratch:
        for _ in range(options.rounds):
            for system in [*BARE, *WISTRO]:
                with running(system, Path(scratch)) as one:
                    load(
                        "throughput",
                        one,
                        seconds=min(1, options.seconds),
                        amount=options.connections,
                    )
                    result = load(
                        "throughput", one, seconds=options.seconds, amount=options.connections
                    )
                flows.setdefault(system.name, []).append(result["flows_per_s"])
                undone[system.name] = undone.get(system.name, 0) + result["posts"] - result["done"]
            for peer in peers(options.peers):
                with peer_running(peer, SCRATCH) as one:
                    amount = min(options.connections, peer.connections)
                    load("throughput", one, seconds=min(1, options.seconds), amount=amount)
                    result = load("throughput", one, seconds=options.seconds, amount=amount)
                flows.setdefault(peer.name, []).append(result["flows_per_s"])
                undone[peer.name] = undone.get(peer.name, 0) + result["posts"] - result["done"]
    bare = {"python": median(flows["bare (python)"]), "node": median(flows["bare (node)"])}
    bare["mixed"] = min(bare.values())
    rows = [
        [
            name,
            f"{median(values):,.0f}",
            f"{min(values):,.0f}",
            f"{max(values):,.0f}",
            f"{median(values) / bare[bare_of(name)]:.0%}",
            undone[name],
        ]
        for name, values in flows.items()
    ]
    print(
        f"E1  {machine()}\n    {options.rounds} rounds of {options.seconds:g} s, {options.connections} connections, about 1 KiB a message\n"
    )
    print(table(["system", "flows/s median", "min", "max", "of bare", "not done"], rows))


if __name__ == "__main__":
    main()
