"""What must be there before anything of ours runs: Python packages, Node packages, built screens.

Run by whatever Python 3 there is, standard library only. Each part leaves a stamp when it is whole, so
that the next start skips it, and a start after one that was cut off does it again.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from infra.reasons import reason
from infra.terminal import Failed, Terminal

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
REQUIREMENTS = ROOT / "requirements" / "all.txt"
UNFINISHED = VENV / ".unfinished"
STAMP = VENV / ".wistro-stamp"
NODE_AT_LEAST = (20, 19)
PYTHON_AT_LEAST = (3, 11)
# pip, uv and npm, each in its own words
UNREACHED = re.compile(
    r"from versions: none|error sending request|dns error|ECONNREFUSED|ENOTFOUND|EAI_AGAIN|ETIMEDOUT"
)
ROOM_MB = 1500  # what a first run installs, caches left aside


def main(parts: list[str]) -> int:
    terminal = Terminal()
    try:
        refuse_old_python()
        with only_one():
            for part in parts:
                PARTS[part](terminal)
    except Failed as failed:
        terminal.fail(failed)
        return 1
    except OSError as error:
        if error.errno != 28:  # ENOSPC
            raise
        terminal.fail(no_space(str(error.filename or ROOT)))
        return 1
    except KeyboardInterrupt:
        terminal.say("\n  stopped; the next run goes on from here")
        return 130
    return 0


def refuse_old_python() -> None:
    if sys.version_info[:2] < PYTHON_AT_LEAST:
        found = ".".join(str(part) for part in sys.version_info[:3])
        raise Failed(
            f"Python 3.11 or newer is needed, this is {found} ({sys.executable})",
            "Install one, or name it: make PYTHON=/path/to/python3.11 up",
        )


class only_one:
    """Two `make` at once in one checkout: the second waits for the first one's set-up."""

    def __enter__(self) -> None:
        folder = ROOT / ".data"
        folder.mkdir(mode=0o700, exist_ok=True)
        self.file = (folder / "setup.lock").open("a")
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("  waiting for another make in this folder", flush=True)
            fcntl.flock(self.file, fcntl.LOCK_EX)

    def __exit__(self, *error: object) -> None:
        self.file.close()


# Python


def python(terminal: Terminal) -> None:
    """`.venv` with exactly what requirements/all.txt pins, checked by hash."""
    wanted = digest([REQUIREMENTS], sys.version.split()[0])
    whole = STAMP.exists() and not UNFINISHED.exists() and runs(VENV)
    if whole and STAMP.read_text() == wanted:
        return
    with terminal.step("Python packages") as step:
        if VENV.exists() and (UNFINISHED.exists() or not runs(VENV)):
            terminal.warn("Python packages", "the last set-up was cut off; doing it again")
            shutil.rmtree(VENV)
        if not VENV.exists():
            require_room()
            make_venv()
        UNFINISHED.touch()
        ours = VENV / "bin" / "python"
        install_uv(ours)
        argv = [str(ours), "-m", "uv", "pip", "install", "--quiet", "--require-hashes"]
        run(
            [*argv, "--requirement", str(REQUIREMENTS)], "Python packages", env=uv_environment(ours)
        )
        # `wistro` itself, editable: the command is .venv/bin/wistro, from any folder
        ours_too = ["--no-deps", "--no-build-isolation", "--editable", str(ROOT)]
        run([*argv[:-1], *ours_too], "wistro", env=uv_environment(ours))
        STAMP.write_text(wanted)
        UNFINISHED.unlink()
        step.note = f"{REQUIREMENTS.read_text().count('==')} pinned by hash"


def runs(venv: Path) -> bool:
    """Whether its interpreter starts and has pip: not after a move of the folder's Python, nor half made."""
    try:
        argv = [
            str(venv / "bin" / "python"),
            "-c",
            "import pip, sys; sys.exit(sys.prefix == sys.base_prefix)",
        ]
        return subprocess.run(argv, capture_output=True, check=False, timeout=30).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def make_venv() -> None:
    VENV.mkdir()
    UNFINISHED.touch()  # before anything else is in it: Ctrl-C may come before pip does
    made = subprocess.run(
        [sys.executable, "-m", "venv", str(VENV)], capture_output=True, text=True, check=False
    )
    if made.returncode == 0:
        return
    shutil.rmtree(VENV, ignore_errors=True)
    said = made.stdout + made.stderr
    if "No space left" in said:
        raise no_space(str(VENV))
    if "ensurepip" in said:
        raise Failed(
            "this Python has no venv", "On Debian and Ubuntu: apt-get install python3-venv"
        )
    raise Failed(f"no virtual environment could be made: {reason(said)}")


def install_uv(ours: Path) -> None:
    """uv itself, by pip and by the same pinned hashes."""
    text = REQUIREMENTS.read_text()
    found = re.search(r"^uv==(\S+)(?:.*\\\n)(?: +--hash=\S+(?: \\)?\n)+", text, re.MULTILINE)
    if found is None:
        raise Failed(
            "requirements/all.txt does not pin uv", "Run `make lock` in a checkout that has it."
        )
    asked = [str(ours), "-c", "import importlib.metadata as m; print(m.version('uv'))"]
    have = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
    if have == found.group(1):
        return
    with tempfile.TemporaryDirectory() as folder:
        wanted = Path(folder) / "uv.txt"
        wanted.write_text(found.group(0))
        argv = [str(ours), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        run([*argv, "--no-deps", "--require-hashes", "-r", str(wanted)], "uv")


def uv_environment(ours: Path | str) -> dict[str, str]:
    """uv does not read pip's settings: where only pip has been told of an index, tell uv the same.

    Extra indexes and find-links are left out: uv would take a package from them alone, and every hash is
    of the main index's files.
    """
    env = dict(os.environ, VIRTUAL_ENV=str(VENV))
    if "SSL_CERT_FILE" not in env and "PIP_CERT" in env:
        env["SSL_CERT_FILE"] = env["PIP_CERT"]
    if any(name in env for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_CONFIG_FILE")):
        return env
    listed = subprocess.run(
        [str(ours), "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    ).stdout
    told = dict(line.split("=", 1) for line in listed.splitlines() if "=" in line)
    for section in (":env:", "install", "global"):
        if given := told.get(f"{section}.index-url"):
            env["UV_DEFAULT_INDEX"] = given.strip("'\"")
            break
    return env


# Node


def node(terminal: Terminal) -> None:
    """node_modules of the root (types) and of frontend/, from their lock files."""
    refuse_old_node()
    for folder in (ROOT, ROOT / "frontend"):
        lock = folder / "package-lock.json"
        if not lock.exists():
            continue
        stamp = (
            folder / "node_modules" / ".wistro-stamp"
        )  # npm ci removes it first, so half is never whole
        wanted = digest([lock])
        if stamp.exists() and stamp.read_text() == wanted:
            continue
        name = "Node packages" if folder != ROOT else "Node tools"
        with terminal.step(name) as step:
            run(["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"], name, cwd=folder)
            stamp.parent.mkdir(exist_ok=True)
            stamp.write_text(wanted)
            step.note = f"{len(json.loads(lock.read_text()).get('packages', {}))} pinned by hash"


def refuse_old_node() -> None:
    needed = ".".join(map(str, NODE_AT_LEAST))
    if shutil.which("node") is None:
        raise Failed(
            f"Node is missing; {needed} or newer is needed", "Install Node with npm, then again."
        )
    found = subprocess.run(
        ["node", "--version"], capture_output=True, text=True, check=False
    ).stdout
    version = re.match(r"v(\d+)\.(\d+)", found)
    if version is None or tuple(map(int, version.groups())) < NODE_AT_LEAST:
        raise Failed(
            f"Node {needed} or newer is needed, this is {found.strip() or 'unknown'} ({shutil.which('node')})",
            "Install a newer one, or put it first in PATH.",
        )
    if shutil.which("npm") is None:
        raise Failed("npm is missing", "It comes with Node; Debian's package is `npm`.")


# Screens


def screens(terminal: Terminal) -> None:
    """The Hub's and the local screens, built again when a source of theirs has changed."""
    folder = ROOT / "frontend"
    if not (folder / "package.json").exists():
        terminal.warn("Screens", "left out: frontend/ is not in this checkout yet")
        return
    wanted = digest(sources(folder))
    stamp = ROOT / ".data" / "screens.stamp"
    built = [ROOT / "frontend" / "hub" / "dist", ROOT / "wistro" / "dev" / "static"]
    if stamp.exists() and stamp.read_text() == wanted and all(path.exists() for path in built):
        return
    with terminal.step("Screens"):
        stamp.unlink(missing_ok=True)
        run(["npm", "run", "--silent", "build"], "Screens", cwd=folder)
        stamp.write_text(wanted)


def sources(folder: Path) -> list[Path]:
    """What a build reads: all of it but what tools made and tests."""
    made = {"node_modules", "dist", "screens", "coverage", ".vite"}
    found = []
    for path, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in made)
        found += [Path(path) / name for name in sorted(names) if ".test." not in name]
    return found


# Shared


def digest(paths: list[Path], *also: str) -> str:
    whole = hashlib.sha256()
    for path in paths:
        whole.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes() + b"\0")
    for text in also:
        whole.update(text.encode() + b"\0")
    return whole.hexdigest()


def run(argv: list[str], name: str, cwd: Path = ROOT, env: dict[str, str] | None = None) -> None:
    """Run one command quietly; when it fails, its log stays and its reason is the one line."""
    log = ROOT / ".data" / "logs" / "setup.log"
    log.parent.mkdir(mode=0o700, exist_ok=True)
    with log.open("w") as file:
        popen = subprocess.Popen(
            argv, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=file, stderr=file
        )
        try:
            code = popen.wait()
        except KeyboardInterrupt:
            popen.send_signal(signal.SIGINT)
            popen.wait()
            raise
    said = log.read_text(errors="replace")
    if code and ("No space left" in said or "ENOSPC" in said):
        raise no_space(str(cwd))
    if code and UNREACHED.search(said):
        raise Failed(
            f"{name}: the package index could not be reached, or has not what is pinned",
            "Check the network and what pip and npm are told of it; all of it: .data/logs/setup.log",
        )
    if code:
        raise Failed(f"{name}: {reason(said)}", "All of it: .data/logs/setup.log")


def require_room() -> None:
    free = shutil.disk_usage(ROOT).free // (1024 * 1024)
    if free < ROOM_MB:
        raise no_space(str(ROOT), f" ({free} MB free, about {ROOM_MB} needed)")


def no_space(where: str, also: str = "") -> Failed:
    return Failed(
        f"no space left on the disk of {where}{also}", "Free some, then run the same command again."
    )


PARTS = {"python": python, "node": node, "screens": screens}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
