"""What is asked of other engines on the store: who answers a key, and what is to be done with a run that is another's."""

from __future__ import annotations

import asyncio
import contextlib
import time

from wistro.store.port import StoreAway, StoreBroken
from wistro.store.postgres.connecting import Address, channel_of
from wistro.store.postgres.reads import PostgresReads

TOLD_WITHIN_S = 10.0
LOOK_EVERY_S = 0.05
HOLD_ANSWER = """
INSERT INTO calling (key, boot) VALUES (%(key)s, %(boot)s) ON CONFLICT (key) DO UPDATE SET boot = excluded.boot
WHERE calling.boot = excluded.boot
   OR NOT EXISTS (SELECT FROM engines e WHERE e.boot = calling.boot AND NOT e.is_gone) RETURNING 1
"""
FREE_ANSWER = "DELETE FROM calling WHERE key = %s AND boot = %s RETURNING 1"
TELL = "INSERT INTO commands (run_id, kind, body) VALUES (%s, %s, %s) RETURNING command_id"
IS_TOLD = """
SELECT EXISTS (SELECT FROM commands WHERE command_id = %s), EXISTS (SELECT FROM runs WHERE run_id = %s)
"""
TAKE_BACK = "DELETE FROM commands WHERE command_id = %s RETURNING 1"


class AmongEngines(PostgresReads):
    def __init__(self, address: Address, *, boot: int = 0) -> None:
        super().__init__(address, boot=boot)
        self._freeing: set[asyncio.Task[None]] = set()

    async def hold_answer(self, key: str) -> bool:
        return bool(await self._asked(HOLD_ANSWER, {"key": key, "boot": self._boot}))

    def free_answer(self, key: str) -> None:
        task = asyncio.get_running_loop().create_task(self._free(key))
        self._freeing.add(task)
        task.add_done_callback(self._freeing.discard)

    async def _free(self, key: str) -> None:
        with contextlib.suppress(StoreAway, StoreBroken):  # our end, or the server's, frees it
            await self._asked(FREE_ANSWER, [key, self._boot])

    async def tell(self, run_id: str, kind: str, body: bytes) -> bool:
        [(id,)] = await self._asked(TELL, [run_id, kind, body])
        await self._asked("SELECT pg_notify(%s, %s)", [channel_of(self._address), "command"])
        until = time.monotonic() + TOLD_WITHIN_S
        while time.monotonic() < until:
            [(waits, is_live)] = await self._asked(IS_TOLD, [id, run_id])
            if not waits:
                return True
            if not is_live and await self._asked(TAKE_BACK, [id]):
                return False
            await asyncio.sleep(LOOK_EVERY_S)
        raise StoreAway(
            "the engine that works on this run does not answer; what it was asked stands"
        )
