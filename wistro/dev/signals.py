"""Ctrl-C and SIGTERM: the first asks for an orderly end, a second one ends at once."""

from __future__ import annotations

import asyncio
import os
import signal

EXIT_AT_ONCE = 130


class Ending:
    """Made in a running loop; `asked` is set by the first signal."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        loop = asyncio.get_running_loop()
        for one in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(one, self._told)

    def _told(self) -> None:
        if self.asked.is_set():
            os._exit(EXIT_AT_ONCE)
        self.asked.set()
