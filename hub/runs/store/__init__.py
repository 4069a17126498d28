"""Where records are kept: `records` is the one RecordStore of this Hub."""

from hub.runs.store.port import RecordStore
from hub.runs.store.postgres import PostgresRecords

records: RecordStore = PostgresRecords()
