"""A dataset's samples as files: `.wistro/datasets/<dataset>/<sample>.json`, one each, those gone removed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import msgspec

from wistro.errors import UserError
from wistro.protocol.samples import SAMPLE, Export

_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


class NewerSamples(UserError):
    """Samples of a later form than this wistro reads."""

    code = "datasets.newer"
    hint = "Upgrade wistro."


class UnsafeName(UserError):
    """A dataset or sample whose name cannot be a file's."""

    code = "datasets.name"
    hint = "Choose a folder: --into FOLDER; or rename it in the Hub."


@dataclass(frozen=True)
class Pulled:
    folder: Path
    samples: int
    changed: int
    removed: int


def write(export: Export, folder: Path) -> Pulled:
    """Each file whole or not at all; a file that is right already is not touched. Raises NewerSamples, UnsafeName."""
    if export.protocol > SAMPLE:
        raise NewerSamples(
            f"the Hub sends samples of form {export.protocol}; this wistro reads {SAMPLE}"
        )
    files = {f"{safe(one.sample)}.json": _text(one) for one in export.samples}
    folder.mkdir(parents=True, exist_ok=True)
    changed = [name for name, data in files.items() if _write(folder / name, data)]
    gone = [one for one in folder.glob("*.json") if one.name not in files]
    for one in gone:
        one.unlink()
    return Pulled(folder, len(files), len(changed), len(gone))


def safe(name: str) -> str:
    """A name from elsewhere as one part of a path. Raises UnsafeName."""
    if not _SAFE.fullmatch(name):
        raise UnsafeName(f"`{name}` cannot be the name of a file")
    return name


def folder_name(dataset: str) -> str:
    """The dataset's own name, which the Hub keeps to letters, digits, spaces, `.`, `_` and `-`. Raises UnsafeName."""
    if not re.fullmatch(r"\w[\w .-]{0,99}", dataset):
        raise UnsafeName(f"`{dataset}` cannot be the name of a folder")
    return dataset


def _text(sample: msgspec.Struct) -> bytes:
    return msgspec.json.format(msgspec.json.encode(sample), indent=2) + b"\n"


def _write(path: Path, data: bytes) -> bool:
    if path.is_file() and path.read_bytes() == data:
        return False
    new = path.with_name(f".{path.name}.new")
    new.write_bytes(data)
    new.replace(path)
    return True
