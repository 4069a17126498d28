"""The tables of an environment on PostgreSQL, and how an older release's become this one's.

A migration is one entry of MIGRATIONS, applied once, in order, in a transaction of its own under a lock, by whichever
engine comes first. Engines of the release before run on beside: a migration only adds.
"""

from __future__ import annotations

from psycopg import AsyncConnection, sql

from wistro.errors import UserError
from wistro.store.postgres import gates, tasks
from wistro.store.sqlite_file import StoreNewer

FIRST = """
-- One row a boot. `session` counts its connections: what an earlier connection still sends is refused.
-- `last_group` and `last_seq` are written with each group, so that a group whose answer was lost is found again.
CREATE TABLE engines (
  boot bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, stream text NOT NULL UNIQUE,
  session bigint NOT NULL DEFAULT 0, last_group bigint NOT NULL DEFAULT 0, last_seq bigint NOT NULL DEFAULT 0,
  lease_until timestamptz NOT NULL, is_gone boolean NOT NULL DEFAULT false,
  shipper bigint, is_shipped boolean NOT NULL DEFAULT false
) WITH (fillfactor = 10);

-- Live runs only: a row leaves with its last open delivery. `owner` is the boot that works on it, alone.
CREATE TABLE runs (
  run_seq bigint PRIMARY KEY, run_id text NOT NULL, deployment_id text NOT NULL, header bytea NOT NULL,
  open bigint NOT NULL, mark text NOT NULL DEFAULT '', owner bigint NOT NULL
);
CREATE INDEX runs_owned ON runs (owner, deployment_id);
CREATE INDEX runs_by_id ON runs (run_id);

-- `claimed` is 0 while the row waits in the table, else the group in which its owner took it into memory.
CREATE TABLE deliveries (
  seq bigint PRIMARY KEY, delivery_id text NOT NULL, run_seq bigint NOT NULL, deployment_id text NOT NULL,
  step text NOT NULL, kind text NOT NULL, topic text, message bytea NOT NULL, due_at_us bigint NOT NULL,
  number bigint NOT NULL, charged bigint NOT NULL, lone_deaths bigint NOT NULL, suspect bigint NOT NULL,
  parent_attempt_id text, ordinal bigint NOT NULL, claimed bigint NOT NULL, owner bigint NOT NULL
);
ALTER TABLE deliveries ALTER message SET STORAGE EXTERNAL;
CREATE INDEX deliveries_waiting ON deliveries (owner, deployment_id, step, due_at_us, seq) WHERE claimed = 0;
-- What a claim took, to be read by its mark; what is handled as it is emitted has no mark below 0.
CREATE INDEX deliveries_claimed ON deliveries (owner, claimed, deployment_id, step) WHERE claimed < 0;
CREATE INDEX deliveries_of_run ON deliveries (run_seq);

CREATE TABLE state (
  "group" text COLLATE "C" NOT NULL, key text COLLATE "C" NOT NULL, value bytea NOT NULL,
  PRIMARY KEY ("group", key)
);

CREATE TABLE answers (
  key text PRIMARY KEY, status bigint NOT NULL, headers bytea NOT NULL, body bytea NOT NULL,
  run_id text NOT NULL, expires_at_us bigint NOT NULL
);
CREATE INDEX answers_expiring ON answers (expires_at_us);
-- Whose call under a key runs now. It need not outlive the server: the answer's own key is the promise.
CREATE UNLOGGED TABLE calling (key text PRIMARY KEY, boot bigint NOT NULL);

-- The key is the promise that a schedule fires once for an instant: written with the tick's event.
CREATE TABLE ticks (
  schedule_id text NOT NULL, scheduled_at_us bigint NOT NULL,
  CONSTRAINT ticks_fire_once PRIMARY KEY (schedule_id, scheduled_at_us)
);
CREATE TABLE cursors (schedule_id text PRIMARY KEY, settled_until_us bigint NOT NULL);

CREATE TABLE dead_letters (
  delivery_id text COLLATE "C" PRIMARY KEY, run_id text NOT NULL, deployment_id text NOT NULL, step text NOT NULL,
  kind text NOT NULL, topic text, message bytea NOT NULL, error bytea NOT NULL, stderr text NOT NULL,
  attempts bigint NOT NULL, dead_at_us bigint NOT NULL, header bytea NOT NULL,
  parent_attempt_id text, ordinal bigint NOT NULL
);

-- Records that left the live tables and are not known to be kept elsewhere yet; a row is one transaction's.
CREATE TABLE outbox (
  stream text NOT NULL, first_seq bigint NOT NULL, last_seq bigint NOT NULL, lines bytea NOT NULL,
  PRIMARY KEY (stream, first_seq)
);
ALTER TABLE outbox ALTER lines SET STORAGE EXTERNAL;

-- What is asked of a run that another engine owns; whoever owns it by then does it and takes the row out.
CREATE TABLE commands (
  command_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, run_id text NOT NULL, kind text NOT NULL,
  body bytea NOT NULL
);

-- Runs that were taken from a living engine, for it to count.
CREATE TABLE taken (
  boot bigint NOT NULL, deployment_id text NOT NULL, runs bigint NOT NULL, deliveries bigint NOT NULL
);
"""

MIGRATIONS = (FIRST, tasks.TABLES, gates.MIGRATION)
# What comes and goes by thousands a second is cleaned as it does, not after a fifth of the table has.
BUSY = ("engines", "runs", "deliveries", "outbox", "state", "answers", "calling")
BUSY_AT_GATES = ("gates", "starts", "meters", "emitted_ids")
CLEANED = (BUSY, (), BUSY_AT_GATES)  # by migration
LOCK = 0x77697374726F  # "wistro"


class BadSchema(UserError):
    """A schema's name in the store's address is none that wistro takes."""

    code = "store.schema"
    hint = "Letters, digits and `_`, at most 48 of them: `postgres://host/database?schema=wistro_prod`."


async def migrate(connection: AsyncConnection, schema: str) -> None:
    """Bring the schema up to this release. Raises StoreNewer before anything is written."""
    name = sql.Identifier(schema)
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        await connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(name))
        await connection.execute(
            "CREATE TABLE IF NOT EXISTS meta (name text PRIMARY KEY, value bigint NOT NULL)"
        )
        version = await check(connection, schema)
        for number, migration in enumerate(MIGRATIONS[version:], version + 1):
            await connection.execute(migration)
            if number <= len(CLEANED):
                await _clean_often(connection, CLEANED[number - 1])
        await connection.execute(
            "INSERT INTO meta VALUES ('schema', %s) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (len(MIGRATIONS),),
        )


async def check(connection: AsyncConnection, schema: str) -> int:
    """The version of its tables. Raises StoreNewer."""
    cursor = await connection.execute("SELECT value FROM meta WHERE name = 'schema'")
    row = await cursor.fetchone()
    version = row[0] if row else 0
    if version > len(MIGRATIONS):
        raise StoreNewer(
            f"the schema {schema} has tables {version}, this release knows {len(MIGRATIONS)}"
        )
    return version


async def _clean_often(connection: AsyncConnection, tables: tuple[str, ...]) -> None:
    for table in tables:
        options = "autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000"
        statement = sql.SQL("ALTER TABLE {} SET ({})").format(
            sql.Identifier(table), sql.SQL(options)
        )
        await connection.execute(statement)
