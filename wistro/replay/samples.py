"""Sample files as `wistro datasets pull` writes them: `.wistro/datasets/<dataset>/<sample>.json`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from wistro.errors import UserError
from wistro.protocol.samples import SAMPLE, Export, Sample

FOLDER = Path(".wistro") / "datasets"


class NoSamples(UserError):
    """There is nothing to replay where it was looked for."""

    code = "replay.no-samples"
    hint = "`wistro datasets pull <dataset>` writes samples to .wistro/datasets; or name a file or folder of them."


class UnreadableSample(UserError):
    """A file that is no sample, or one that a newer wistro wrote."""

    code = "replay.unreadable-sample"
    hint = "Pull the dataset again, with this version of wistro."


@dataclass(frozen=True)
class SampleFile:
    path: Path
    sample: Sample


def read_samples(root: Path, named: list[Path]) -> list[SampleFile]:
    """The samples of the files, folders or datasets named; of every dataset when none is. Raises NoSamples, UnreadableSample."""
    files: list[Path] = []
    for one in named or [root / FOLDER]:
        found = _files(root, one)
        if not found:
            raise NoSamples(f"there are no samples in {_shown(root, one)}")
        files += [path for path in found if path not in files]
    return [sample for path in files for sample in _read(root, path)]


def _files(root: Path, named: Path) -> list[Path]:
    dataset = root / FOLDER / named
    for place in (named, dataset):
        if place.is_file():
            return [place]
        if place.is_dir():
            return sorted(place.rglob("*.json"))
    return []


def _read(root: Path, path: Path) -> list[SampleFile]:
    where = _shown(root, path)
    try:
        data = path.read_bytes()
        head = msgspec.json.decode(data, type=_Head)
        if head.protocol > SAMPLE:
            raise UnreadableSample(
                f"{where} has format {head.protocol}; this wistro reads {SAMPLE}"
            )
        if head.samples is not None:  # an export as a whole
            return [SampleFile(path, one) for one in msgspec.json.decode(data, type=Export).samples]
        return [SampleFile(path, msgspec.json.decode(data, type=Sample))]
    except (OSError, msgspec.DecodeError) as error:
        raise UnreadableSample(f"{where} is no sample: {error}", where=where) from error


class _Head(msgspec.Struct):
    protocol: int
    samples: list[msgspec.Raw] | None = None


def _shown(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
