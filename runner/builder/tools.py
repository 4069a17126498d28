"""esbuild for the compile sandbox, which has no network: installed once, by the hashes that wistro ships, and bound read-only.

It is ours and not the project's: a version's `package.json` neither chooses nor changes it.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from runner.builder.store import Store
from wistro.compiler.find import find_steps
from wistro.compiler.settings import read_settings
from wistro.languages.node import tools

AT = ".wistro/tools"  # below a project, where wistro looks for it
_one_at_a_time = asyncio.Lock()


async def for_project(project: Path, store: Store) -> Path | None:
    """The folder to bind at AT; None for a project without a step of Node's. Raises NoTools."""
    settings, _ = read_settings(project)  # its problems are the compiler's to tell
    steps, _ = await asyncio.to_thread(find_steps, project, settings.src)
    if not any(step.language == "node" for step in steps):
        return None
    async with _one_at_a_time:
        await asyncio.to_thread(tools.esbuild, store.tools)
    return store.tools / AT
