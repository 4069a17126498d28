"""E2, latency from POST sent to step b running, at a fixed rate, against the bare parts, interleaved.

`python -m bench.e2 [--seconds 10] [--rounds 3] [--rate 20] [--peers] [--short]`. Goal: p50 <= 1.3x and p99 <= 1.7x the
bare parts, and ahead of every peer. A slow peer is asked less often: its own rate stands in bench/peers.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from bench.report import machine, median, table
from bench.systems import BARE, SCRATCH, WISTRO, bare_of, load, peer_running, peers, running


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rate", type=int, default=20)
    parser.add_argument("--short", action="store_true", help="one round of a second")
    parser.add_argument("--peers", action="store_true", help="other systems too")
    options = parser.parse_args()
    if options.short:
        options.seconds, options.rounds = 1, 1
    latencies: dict[str, list[dict[str, float]]] = {}
    with tempfile.TemporaryDirectory(prefix="wistro-bench-") as scratch:
        for _ in range(options.rounds):
            for system in [*BARE, *WISTRO]:
                with running(system, Path(scratch)) as one:
                    load("rate", one, seconds=1, amount=options.rate)
                    result = load("rate", one, seconds=options.seconds, amount=options.rate)
                latencies.setdefault(system.name, []).append(result["latency_ms"])
            for peer in peers(options.peers):
                with peer_running(peer, SCRATCH) as one:
                    rate = min(options.rate, peer.rate)
                    load("rate", one, seconds=1, amount=rate)
                    result = load("rate", one, seconds=options.seconds, amount=rate)
                latencies.setdefault(peer.name, []).append(result["latency_ms"])
    medians = {
        name: {at: median([one[at] for one in runs]) for at in ("p50", "p95", "p99")}
        for name, runs in latencies.items()
    }
    bare = {"python": medians["bare (python)"], "node": medians["bare (node)"]}
    bare["mixed"] = {at: max(bare["python"][at], bare["node"][at]) for at in ("p50", "p95", "p99")}
    rows = []
    for name, found in medians.items():
        against = bare[bare_of(name)]
        rows.append(
            [
                name,
                *found.values(),
                f"{found['p50'] / against['p50']:.2f}x",
                f"{found['p99'] / against['p99']:.2f}x",
            ]
        )
    print(
        f"E2  {machine()}\n    {options.rounds} rounds of {options.seconds:g} s at {options.rate}/s; milliseconds\n"
    )
    print(table(["system", "p50", "p95", "p99", "p50 of bare", "p99 of bare"], rows))


if __name__ == "__main__":
    main()
