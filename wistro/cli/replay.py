"""`wistro replay`: run recorded samples here, and name the first thing that comes out otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wistro.cli import say
from wistro.errors import UserError

if TYPE_CHECKING:
    from wistro.lock.model import Lock
    from wistro.replay.compare import Difference
    from wistro.replay.replay import Replayed, Replayer
    from wistro.replay.samples import SampleFile

SAME, DIFFERENT, NOT_COMPARED = 0, 1, 2
PLACEHOLDER = "wistro-replay"
NETWORK = {
    "namespace": "off (a network namespace without one)",
    "sockets": "off (the language's sockets refuse; native code may get around it)",
    "open": "open",
}


class DoesNotCompile(UserError):
    """The project has problems, so its steps cannot be run."""

    code = "replay.does-not-compile"
    hint = "`wistro lock` says what is wrong."


def run(
    samples: Annotated[
        list[Path] | None,
        typer.Argument(help="Sample files, folders or datasets' names; default: every dataset."),
    ] = None,
    folder: Annotated[Path, typer.Option(help="The project's folder.")] = Path(),
    recorded: Annotated[
        str | None, typer.Option("--run", help="A run that `wistro dev` recorded here.")
    ] = None,
    network: Annotated[
        bool, typer.Option("--network", help="Let steps reach the network.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Say it as JSON on stdout.")] = False,
) -> int:
    """Example: wistro replay baskets

    Runs each sample with its own state, ids and clock by the project as it is now. Exit 0: all came out as recorded;
    1: some did not; 2: they could not be compared.
    """
    import asyncio

    try:
        found = _found(folder.resolve(), samples or [], recorded)
        return asyncio.run(_replay(found, network=network, as_json=json))
    except UserError as error:
        say.error(error)
        return NOT_COMPARED


@dataclass(frozen=True)
class _Found:
    root: Path
    lock: Lock
    built: dict[str, str]
    samples: list[SampleFile]


def _found(root: Path, named: list[Path], recorded: str | None) -> _Found:
    """What to replay and what by; samples are looked for first: that is the likelier mistake."""
    from wistro.replay.recorded import RECORDS, sample_of_run
    from wistro.replay.samples import SampleFile, read_samples

    samples = read_samples(root, named) if named or not recorded else []
    lock, built = _compiled(root)
    if recorded:
        samples.append(SampleFile(root / RECORDS, sample_of_run(root, recorded, lock)))
    return _Found(root, lock, built, samples)


async def _replay(found: _Found, *, network: bool, as_json: bool) -> int:
    from wistro.hosts.plain import PlainLauncher
    from wistro.replay.network import CutOff, way_to_cut
    from wistro.replay.replay import Replayer

    root, lock = found.root, found.lock
    values, placeholders = _values(lock, root)
    way = "open" if network else way_to_cut()
    say.detail(f"network {NETWORK[way]}")
    if placeholders:
        say.talk(f"  without a value, so `{PLACEHOLDER}`: {', '.join(placeholders)}")
    launcher = PlainLauncher() if network else CutOff(by=way)
    replayer = Replayer(root, lock, built=found.built, values=values, launcher=launcher)
    async with replayer:
        replayed = [(one, await _one(replayer, one)) for one in found.samples]
    different = sum(one.difference is not None for _, one in replayed)
    if as_json:
        told = [_as_data(root, file, one) for file, one in replayed]
        say.data(
            {"network": way, "placeholders": placeholders, "different": different, "samples": told}
        )
    if different:
        say.talk(f"{different} of {len(replayed)} came out otherwise")
        say.next_step("mend it and run this again, or pull samples of what is right now")
        return DIFFERENT
    say.done(
        "Replayed", f"{len(replayed)} sample{'s' if len(replayed) > 1 else ''}, each as recorded"
    )
    say.next_step("wistro deploy")
    return SAME


def _compiled(root: Path) -> tuple[Lock, dict[str, str]]:
    from wistro.compiler import compile_project
    from wistro.languages.building import build

    compiled = compile_project(root)
    if compiled.lock is None:
        for problem in compiled.problems:
            say.error(problem)
        raise DoesNotCompile("the project does not compile")
    return compiled.lock, build(root, compiled.lock)


def _values(lock: Lock, root: Path) -> tuple[dict[str, str], list[str]]:
    import os

    from wistro.variables import values_for

    values = values_for(lock, root, os.environ)
    return values.found | dict.fromkeys(values.missing, PLACEHOLDER), values.missing


async def _one(replayer: Replayer, file: SampleFile) -> Replayed:
    replayed = await replayer.replay(file.sample)
    name = file.sample.name or file.sample.sample
    if replayed.difference is None:
        number = replayed.deliveries
        say.done(name, f"{number} step{'' if number == 1 else 's'} as recorded")
    else:
        _tell(name, replayed.difference, replayed.stack)
    if replayed.unexpected:
        say.detail(f"not in the sample, so not run: {', '.join(sorted(set(replayed.unexpected)))}")
    return replayed


def _tell(name: str, difference: Difference, stack: str) -> None:
    from wistro.replay.compare import ABSENT

    on = f" on `{difference.topic}`" if difference.topic and difference.part != "emit" else ""
    say.failed(name, f"`{difference.step}`{on} {difference.about}")
    if difference.path != "$":
        say.talk(f"    at {difference.path}")
    if difference.expected is not ABSENT:
        say.talk(f"    expected  {_short(difference.expected)}")
    if difference.got is not ABSENT:
        say.talk(f"    got       {_short(difference.got)}")
    elif difference.expected is not ABSENT:
        say.talk("    got       nothing")
    for line in stack.splitlines():
        say.detail(f"    {line}")


def _short(value: Any) -> str:
    import json

    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 300 else text[:300] + "…"


def _as_data(root: Path, file: SampleFile, replayed: Replayed) -> dict[str, Any]:
    sample = file.sample
    path = file.path.resolve()
    return {
        "file": path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path),
        "sample": sample.sample,
        "dataset": sample.dataset,
        "name": sample.name,
        "run": sample.run,
        "steps": replayed.deliveries,
        "difference": replayed.difference and _difference_as_data(replayed.difference),
        "not_run": sorted(set(replayed.unexpected or [])),
    }


def _difference_as_data(difference: Difference) -> dict[str, Any]:
    """`expected` and `got` are left out where there is nothing."""
    from wistro.replay.compare import ABSENT

    values = {"expected": difference.expected, "got": difference.got}
    return {
        "step": difference.step,
        "topic": difference.topic,
        "part": difference.part,
        "message": f"{difference.step} {difference.about}",
        "path": difference.path,
    } | {name: value for name, value in values.items() if value is not ABSENT}
