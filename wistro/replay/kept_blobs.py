"""What a sample names and does not hold: blobs. A run of this machine finds them here; a pulled sample may not."""

from __future__ import annotations

from typing import Any

from wistro.blobs.port import Blobs
from wistro.protocol import blobs as blob
from wistro.protocol.records import AttemptRecord
from wistro.protocol.samples import Sample


def named(sample: Sample) -> list[str]:
    """Ids of all blobs that its steps were given: in messages, in requests, in what they read of the state."""
    found: dict[str, None] = {}
    for attempt in sample.attempts:
        for value in (attempt.input, *(one.value for one in attempt.reads)):
            found |= dict.fromkeys(id for id, _ in blob.named_in(value))
            if isinstance(value, dict) and blob.is_id(raw := value.get("raw_body_blob")):
                found[str(raw)] = None
    return list(found)


async def missing(sample: Sample, blobs: Blobs) -> list[str]:
    return [id for id in named(sample) if await blobs.path(blob.digest_of(id)) is None]


async def body_of(root: AttemptRecord, blobs: Blobs) -> bytes | None:
    """The root's body, where it is kept as a blob."""
    given: Any = root.input if isinstance(root.input, dict) else {}
    id = given.get("raw_body_blob") or (given.get(blob.LARGE) or {}).get("blob")
    if not blob.is_id(id):
        return None
    path = await blobs.path(blob.digest_of(str(id)))
    return None if path is None else path.read_bytes()


def is_lost_form(root: AttemptRecord) -> bool:
    """A form too large to be recorded as it came; its fields alone do not make it again."""
    given: Any = root.input if isinstance(root.input, dict) else {}
    kind = str((given.get("headers") or {}).get("content-type", ""))
    has_raw = given.get("raw_body_base64") or given.get("raw_body_blob")
    return kind.lower().startswith("multipart/") and bool(given.get("body")) and not has_raw
