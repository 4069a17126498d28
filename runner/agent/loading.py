"""From a version's folder to a deployment that an engine can load. Runs none of the project's code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from runner.agent.control import Load
from wistro import wiring
from wistro.engine.loaded import Deployment, OnLine
from wistro.errors import UserError
from wistro.hosts.pool import HostPool
from wistro.hosts.port import Hosts, Launcher
from wistro.languages.go.build import PREFIX as GO_PREFIX
from wistro.languages.go.build import find_built
from wistro.languages.node.build import digests_of, folder_for
from wistro.lock import file
from wistro.lock.model import Lock

BUILD = ".wistro/build"


class NotBuilt(UserError):
    """A version has steps that are built, in TypeScript, JavaScript or Go, and the bundle does not hold what was built."""

    code = "agent.not-built"
    hint = "Build the version again: a build of this release puts them in."


def prepare(
    load: Load,
    *,
    launcher: Launcher,
    label: str,
    on_pool: Callable[[HostPool], None],
    reads: Sequence[Path] = (),
) -> Deployment:
    """Raises a UserError that says what of the version cannot be used. `on_pool` gets its hosts when it is loaded."""
    root = Path(load.root)
    lock = file.read(root / file.NAME)
    made = wiring.deployment(
        load.deployment_id,
        lock,
        root=root,
        launcher=launcher,
        variables=load.variables,
        secrets=frozenset(load.secrets),
        built=built(root, lock),
        version=load.version,
        label=label,
        reads=reads,
    )

    def hosts(on_line: OnLine) -> Hosts:
        pool = made.hosts(on_line)
        assert isinstance(pool, HostPool)
        on_pool(pool)
        return pool

    return replace(made, hosts=hosts)


def built(root: Path, lock: Lock) -> dict[str, str]:
    """Step id -> what its host loads, as the builder left it. Nothing is built here: that would be a tenant's code
    outside its sandbox."""
    found = _node(root, lock) | find_built(root, lock)
    wanted = [id for id, step in lock.steps.items() if step.language in ("node", "go")]
    if missing := sorted(id for id in wanted if id not in found):
        shown = ", ".join(missing[:3])
        raise NotBuilt(f"the bundle has nothing that was built for {shown}", where=BUILD)
    return found


def _node(root: Path, lock: Lock) -> dict[str, str]:
    digests = digests_of(lock)
    if not digests:
        return {}
    folders = [folder_for(root, digests)]
    if (root / BUILD).is_dir():  # a builder of another release names it otherwise
        others = sorted(each for each in (root / BUILD).iterdir() if each.is_dir())
        others = [each for each in others if not each.name.startswith(GO_PREFIX)]
        folders += others if len(others) == 1 else []
    for folder in folders:
        modules = {id: folder / f"{id}.mjs" for id in digests}
        if all(module.is_file() for module in modules.values()):
            return {id: module.relative_to(root).as_posix() for id, module in modules.items()}
    return {}
