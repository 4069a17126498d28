"""Connections to the environment's database: how they are named, set up, and given up when nobody answers."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import psycopg
from psycopg import AsyncConnection, sql

from wistro.store.port import StoreAway
from wistro.store.postgres.arrays import DUMPERS
from wistro.store.postgres.schema import BadSchema
from wistro.store.sqlite_file import StoreUnreadable

DEFAULT_SCHEMA = "wistro"
CONNECT_WITHIN_S = 5
SILENT_FOR_S = 10.0  # a server that says nothing for so long is given up, and asked anew
# A peer that is gone without a word is noticed by the kernel, on either side, within this.
KEEPALIVE: dict[str, Any] = {
    "keepalives": 1,
    "keepalives_idle": 3,
    "keepalives_interval": 1,
    "keepalives_count": 3,
    "tcp_user_timeout": 6000,
}
SETTINGS = """
SELECT set_config('idle_in_transaction_session_timeout', '4s', false),
       set_config('statement_timeout', '0', false), set_config('lock_timeout', '0', false),
       set_config('tcp_keepalives_idle', '3', false), set_config('tcp_keepalives_interval', '1', false),
       set_config('tcp_keepalives_count', '3', false), set_config('jit', 'off', false),
       set_config('enable_seqscan', 'off', false), set_config('enable_hashjoin', 'off', false),
       set_config('enable_mergejoin', 'off', false), set_config('enable_bitmapscan', 'off', false),
       CASE current_setting('synchronous_commit') WHEN 'off' THEN set_config('synchronous_commit', 'on', false) END
"""
_SCHEMA = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,47}")


@dataclass(frozen=True)
class Address:
    """A store's URL, its `schema` taken out of it."""

    url: str
    schema: str

    @property
    def shown(self) -> str:
        """Without its password."""
        parts = urlsplit(self.url)
        host = parts.hostname or "local socket"
        return f"{host}{parts.path} (schema {self.schema})"


def address_of(url: str) -> Address:
    """Raises BadSchema."""
    parts = urlsplit(url)
    query = parse_qsl(parts.query, keep_blank_values=True)
    schema = next((value for name, value in query if name == "schema"), DEFAULT_SCHEMA)
    if not _SCHEMA.fullmatch(schema):
        raise BadSchema(f"`{schema}` is no schema's name")
    rest = urlencode([(name, value) for name, value in query if name != "schema"])
    return Address(urlunsplit(parts._replace(query=rest)), schema)


def channel_of(address: Address) -> str:
    """Where engines of one schema wake each other."""
    return f"wistro_{address.schema}"


def name_of(address: Address, boot: int) -> str:
    """The name of a boot's writing connection in pg_stat_activity, as HANG_UP_ON_LATE (membership.py) spells it, too:
    boots are counted schema by schema, and a server may hold many. It cuts names at 63 bytes."""
    return f"wistro {boot} of {address.schema}"[:63]


async def connect(address: Address, *, name: str) -> AsyncConnection:
    """Raises psycopg.Error. `name` is shown in pg_stat_activity."""
    async with asyncio.timeout(CONNECT_WITHIN_S * 2):
        connection = await AsyncConnection.connect(
            address.url,
            autocommit=True,
            application_name=name,
            connect_timeout=CONNECT_WITHIN_S,
            prepare_threshold=2,
            **KEEPALIVE,
        )
        try:
            for python_type, dumper in DUMPERS:
                connection.adapters.register_dumper(python_type, dumper)
            await connection.execute(SETTINGS)
            path = sql.SQL("SET search_path TO {}").format(sql.Identifier(address.schema))
            await connection.execute(path)
        except BaseException:
            await connection.close()
            raise
    return connection


@contextlib.contextmanager
def readable(address: Address) -> Iterator[None]:
    """Opening it: the server's own words become StoreUnreadable."""
    try:
        yield
    except (psycopg.Error, TimeoutError) as error:
        said = str(error).strip().splitlines()
        reason = said[0] if said else "it does not answer"
        message = f"the store on {address.shown} cannot be opened: {reason}"
        hint = "Is the server up, and are the address, the user's password and its rights as they should be?"
        raise StoreUnreadable(message, hint=hint) from error


@contextlib.contextmanager
def answering(connection: AsyncConnection, *, within_s: float = SILENT_FOR_S) -> Iterator[None]:
    """What is asked meanwhile fails as by a lost connection when the server is silent for `within_s`."""
    timer = asyncio.get_running_loop().call_later(within_s, hang_up, connection)
    try:
        yield
    finally:
        timer.cancel()


def hang_up(connection: AsyncConnection) -> None:
    """End the connection under whoever waits for it: cancelling would wait for a server that may be gone."""
    if connection.closed:
        return
    with (
        contextlib.suppress(OSError, psycopg.Error),
        socket.socket(fileno=os.dup(connection.fileno())) as ours,
    ):
        ours.shutdown(socket.SHUT_RDWR)


def is_lost(error: BaseException) -> bool:
    """Whether the connection failed, so that nothing is known of what was asked."""
    if isinstance(error, TimeoutError | OSError | StoreAway):
        return True
    if not isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return False
    state = error.sqlstate
    # 08: connection exception, 57P0x: the server ends, 25P03: the session's transaction was idle for too long.
    return state is None or state[:2] == "08" or state[:3] == "57P" or state == "25P03"
