"""`python -m tests.doubles.github --port 0 --folder … --ca …`: prints its address as a line, serves until SIGTERM."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from pathlib import Path

from tests.doubles.github import ca, control, pages, rest, server, smart_http
from tests.doubles.github.state import State

FACES = (rest, pages, control, smart_http)  # smart_http last: its routes take any path


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.doubles.github")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--folder", type=Path, required=True, help="for repositories")
    parser.add_argument(
        "--ca", type=Path, required=True, help="of ca.pem and server.pem; made if empty"
    )
    given = parser.parse_args(arguments)
    if not (given.ca / "ca.pem").exists():
        ca.make(given.ca)
    given.folder.mkdir(parents=True, exist_ok=True)
    state = State(given.folder.resolve(), "")
    serving = server.make(state, port=given.port, certificate=given.ca / "server.pem")
    state.url = f"https://127.0.0.1:{serving.server_port}"
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=serving.shutdown).start())
    print(state.url, flush=True)
    serving.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
