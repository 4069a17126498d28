"""`python -m bench.peers install [name …]`: fetch and install the peers into a scratch folder, and start each once."""

from __future__ import annotations

import argparse

from bench.peers import PEERS
from bench.peers.peer import installed
from bench.systems import SCRATCH, peer_running


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["install"])
    parser.add_argument("names", nargs="*", help=f"of {', '.join(PEERS)}; all without any")
    options = parser.parse_args()
    for name in options.names or PEERS:
        peer = PEERS[name]
        with installed(peer, SCRATCH), peer_running(peer, SCRATCH) as one:
            print(f"{name} {peer.version}: answers at {one.url}")


if __name__ == "__main__":
    main()
