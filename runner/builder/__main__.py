"""`python -m runner.builder`: settings from the environment, then serve until SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Mapping

from runner import logs
from runner.builder import indexes
from runner.builder.build import Shop
from runner.builder.service import serve
from runner.builder.store import Store
from runner.hub import Hub
from runner.paths import private_folder
from runner.sandbox import Mode, SandboxLauncher, choose
from runner.settings import Settings, load
from wistro.errors import UserError

log = logging.getLogger("runner.builder")
_AT_ONCE = 2


def main(environ: Mapping[str, str]) -> int:
    try:
        settings = load(environ)
        logs.configure(settings.log_level)
        asyncio.run(run(settings))
    except UserError as error:
        hint = f"\n hint: {error.hint}" if error.hint else ""
        sys.stderr.write(f"error: {error.message}{hint}  {error.code}\n")
        return 1
    return 0


async def run(settings: Settings) -> None:
    data = private_folder(settings.data)
    launcher = SandboxLauncher(mode=Mode.read(settings.sandbox), egress=choose.egress(settings))
    hub = Hub(settings, kind="builder", sandbox=launcher.report())
    try:
        store = Store(data)
        await asyncio.to_thread(store.forget_unfinished)
        found = await asyncio.to_thread(indexes.find, data, extra_ca=settings.extra_ca)
        for url in found.left_out:
            log.warning(
                "packages of %s are left out: a sandbox sees no folder of this machine", url
            )
        stopping = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stopping.set)
        await serve(Shop(hub, store, launcher, found), at_once=_AT_ONCE, stopping=stopping)
    finally:
        await hub.close()
        await asyncio.to_thread(launcher.close)


if __name__ == "__main__":
    sys.exit(main(os.environ))
