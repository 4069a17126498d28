"""Which folders an interpreter needs to be seen: its installation's prefix and each virtual environment on the way to it.

Read from the file system alone; an interpreter is never run outside the sandbox to be asked.
"""

from __future__ import annotations

import functools
from pathlib import Path

_SYSTEM = Path("/usr")
_MAX_LINKS = 40


@functools.lru_cache(maxsize=256)
def folders(executable: Path) -> tuple[Path, ...]:
    """What has to be bound so that this program runs; empty when all of it lies in /usr."""
    found: dict[Path, None] = {}
    for hop in _hops(executable):
        config = hop.parent.parent / "pyvenv.cfg"
        if config.is_file():
            found[hop.parent.parent] = None
            home = _home(config)
            if home is not None:
                found |= dict.fromkeys(folders(home / "python3"))
        elif not hop.is_relative_to(_SYSTEM):
            found[_prefix(hop)] = None
    return tuple(found)


def _hops(path: Path) -> list[Path]:
    """The path itself, then each one that its symbolic links lead to."""
    hops = []
    for _ in range(_MAX_LINKS):
        hops.append(path)
        if not path.is_symlink():
            break
        path = Path(_normal(path.parent / path.readlink()))
    return [hop for hop in hops if hop.exists()]


def _normal(path: Path) -> Path:
    return path.parent.resolve() / path.name


def _home(config: Path) -> Path | None:
    for line in config.read_text(errors="replace").splitlines():
        key, _, value = line.partition("=")
        if key.strip() == "home":
            return Path(value.strip())
    return None


def _prefix(program: Path) -> Path:
    """`<prefix>` of `<prefix>/bin/program`, or the program alone where that would show a person's whole folder."""
    prefix = program.parent.parent
    is_installation = program.parent.name == "bin" and (prefix / "lib").is_dir()
    too_wide = prefix == Path("/") or Path.home().is_relative_to(prefix)
    return prefix if is_installation and not too_wide else program
