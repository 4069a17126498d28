"""All hosts of one deployment, a pool for each language. Implements port.Hosts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping

from wistro.hosts.language_pool import LanguagePool
from wistro.hosts.port import Asks, HostCall, Launcher, Outcome, Threw
from wistro.hosts.process import HostProcess
from wistro.hosts.project import Project, Sizes
from wistro.languages import LANGUAGES, Language
from wistro.protocol.frames import Failed, Log

__all__ = ["HostPool", "Project", "Sizes"]


class HostPool:
    """Starts nothing by itself: hosts start with their first call. `on_line` takes log lines that belong to no call.

    `before` is the pool that this one follows: it hands over the hosts of every language that is as it was and not
    among the `stale` ones, with what they have in flight.
    """

    def __init__(
        self,
        project: Project,
        *,
        launcher: Launcher,
        on_line: Callable[[Log], None] = lambda line: None,
        sizes: Sizes | None = None,
        languages: Mapping[str, Language] = LANGUAGES,
        before: HostPool | None = None,
        stale: Collection[str] = (),
    ) -> None:
        self.project = project
        kept = before.hand_over(project, stale) if before is not None else {}
        self._pools = {
            name: kept.get(name)
            or LanguagePool(
                languages[name],
                project,
                launcher=launcher,
                on_line=on_line,
                sizes=sizes or Sizes(),
            )
            for name in project.steps
        }
        self._pool_by_step = {
            step: self._pools[name] for name, steps in project.steps.items() for step in steps
        }

    def hand_over(self, project: Project, stale: Collection[str]) -> dict[str, LanguagePool]:
        """The pools of languages whose hosts would be told the same by this project; they are closed with it, not
        with this."""
        kept = [
            name
            for name in self._pools
            if name not in stale and _told(self.project, name) == _told(project, name)
        ]
        return {name: self._pools.pop(name) for name in kept}

    async def call(self, call: HostCall, asks: Asks) -> Outcome:
        """Outcomes are values; that no host has the step is one too."""
        pool = self._pool_by_step.get(call.step)
        if pool is None:
            message = f"no step `{call.step}` in this deployment"
            return Threw(Failed(0, "UnknownStep", message, retry="never"))
        return await pool.call(call, asks)

    def warm_soon(self) -> None:
        """Have a host of each language started; one that cannot be is told of by the first call."""
        for pool in self._pools.values():
            pool.warm_soon()

    async def warm(self) -> dict[str, str]:
        """Have a host of each language at rest; language -> why there is none, empty when all are there."""
        answers = await asyncio.gather(*(pool.warm() for pool in self._pools.values()))
        found = zip(self._pools, answers, strict=True)
        return {language: why for language, why in found if why is not None}

    async def close(self, *, grace_s: float) -> None:
        await asyncio.gather(*(pool.close(grace_s=grace_s) for pool in self._pools.values()))

    @property
    def hosts(self) -> list[HostProcess]:
        """Those that have not ended, for health reports and tests."""
        return [host for pool in self._pools.values() for host in pool.hosts]


def _told(project: Project, language: str) -> tuple[object, ...]:
    """What a host of the language is started with and told."""
    return (
        project.root,
        project.steps.get(language),
        project.env,
        project.runtimes.get(language),
        project.egress,
        project.label,
        project.environ,
        project.reads,
    )
