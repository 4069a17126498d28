"""What engine and language host say to each other over one inherited stream socket.

A frame is a 4-byte big-endian length and that many bytes of JSON (16 MiB at most; the length is
checked before the rest is read). Many calls are in flight; `call` is the engine's number for one.
A host's `ask` numbers its own questions within a call; the engine answers each with one `Reply`.
The engine holds an attempt's emits and writes; they count when the attempt commits, or not at all.
"""

from __future__ import annotations

from typing import Any

import msgspec

MAX_FRAME_BYTES = 16 * 1024 * 1024
MOST_WRITES = 1_000  # of the state, an attempt; the hosts count too, since a write is not answered


class StepCode(msgspec.Struct, omit_defaults=True):
    """Where a host finds one step. `file` is relative to `root` and POSIX; `built` is node's compiled module."""

    file: str
    built: str | None = None


class Hello(msgspec.Struct, tag_field="frame", tag="hello"):
    """Engine -> host, first: the project, its steps and its variables (secrets come this way only)."""

    protocol: int
    root: str  # absolute, as the host sees it
    steps: dict[str, StepCode]
    env: dict[str, str]


class Context(msgspec.Struct, omit_defaults=True):
    """What a step sees as `ctx`, besides its functions. Times are microseconds UTC."""

    run_id: str  # as people see it: run_…
    trace_id: str
    now_us: int
    attempt: int  # 1 for the first
    deadline_us: int
    idempotency_key: str
    flows: list[str] = []
    topic: str | None = None
    auth: dict[str, Any] | None = None
    traceparent: str = ""  # W3C: for the step's own calls, whose parent is this attempt
    tracestate: str = ""


class Request(msgspec.Struct, omit_defaults=True):
    """An endpoint's input. `body` is the parsed JSON or form; text when neither; raw bytes as base64."""

    method: str
    path: str
    path_params: dict[str, str] = {}
    query_params: dict[str, list[str]] = {}
    headers: dict[str, str] = {}  # lower-case names; repeated ones joined by ", "
    body: Any = None
    raw_body_base64: str = ""
    raw_body_blob: str = ""  # the raw bytes of a large body, kept as this blob: sha256:…
    raw_body_path: str = ""  # and where the host reads them


class Call(msgspec.Struct, tag_field="frame", tag="call"):
    """Engine -> host: run `step` once. `input` is a Request for api, the message for event, null for cron."""

    call: int
    step: str
    kind: str  # api | event | cron
    input: Any
    context: Context


class Cancel(msgspec.Struct, tag_field="frame", tag="cancel"):
    """Engine -> host: the call's time is over or its run was cancelled; `reason` is deadline | cancelled."""

    call: int
    reason: str


class Refusal(msgspec.Struct, omit_defaults=True):
    """Why an ask was refused; the SDK raises it at the caller's line. `path` is a JSON pointer."""

    code: str
    message: str
    path: str | None = None
    hint: str | None = None


class Reply(msgspec.Struct, tag_field="frame", tag="reply", omit_defaults=True):
    """Engine -> host: the answer to one ask; `refusal` instead of a value when it was refused."""

    call: int
    ask: int
    value: Any = None
    refusal: Refusal | None = None


class Stop(msgspec.Struct, tag_field="frame", tag="stop"):
    """Engine -> host: take no more calls, finish those in flight within `grace_s`, then exit 0."""

    grace_s: float


class Ready(msgspec.Struct, tag_field="frame", tag="ready"):
    """Host -> engine, first."""

    protocol: int
    language: str  # python | node | go
    runtime: str  # "3.12.4"
    pid: int


class Heard(msgspec.Struct, tag_field="frame", tag="heard"):
    """Host -> engine, at once: it has read a Cancel. A host that does not say so is held up by one of its steps."""

    call: int


class Emit(msgspec.Struct, tag_field="frame", tag="emit", omit_defaults=True):
    """Host -> engine, answered: check this message at once and hold it until the attempt commits.

    It is delivered at `at_us`, or `delay_s` after the commit. `key` names its lane at subscribers with `fifo`. An `id`
    counts once in 7 days on its topic, in the whole environment. `now`: it leaves at once, and the answer says that it
    is on disk.
    """

    call: int
    ask: int
    topic: str
    data: Any
    delay_s: float | None = None
    at_us: int | None = None
    key: str | None = None
    id: str | None = None
    now: bool = False


class Get(msgspec.Struct, tag_field="frame", tag="get", omit_defaults=True):
    """Host -> engine, answered with the value or null: the latest commit plus the attempt's own writes.

    `versioned`: answered with {value, version}. A version is a text that tells the value; "0" is that of null or nothing.
    """

    call: int
    ask: int
    group: str
    key: str
    versioned: bool = False


class List(msgspec.Struct, tag_field="frame", tag="list"):
    """Host -> engine, answered with [[key, value], …] sorted by key."""

    call: int
    ask: int
    group: str


class Write(msgspec.Struct, tag_field="frame", tag="write", omit_defaults=True):
    """Host -> engine, not answered: held until the attempt commits, then applied in order. At most MOST_WRITES.

    `op` is set | delete | clear (the whole group) | increment | append | merge. A set with `if_version` counts only if it
    meets that version at the commit; else nothing of the attempt does, and it is run again.
    """

    call: int
    op: str
    group: str
    key: str = ""
    value: Any = None
    if_version: str | None = None


class BlobPut(msgspec.Struct, tag_field="frame", tag="blob_put", omit_defaults=True):
    """Host -> engine, answered: one more chunk of the call's upload of this number, at most 1 MiB of it.

    The answer is null, to the `last` the blob's reference {blob, size} once it is on disk. A host sends the next chunk
    after the answer to the one before. Uploads that have no last when the call ends are dropped.
    """

    call: int
    ask: int
    upload: int
    data_base64: str = ""
    last: bool = False


class Answer(msgspec.Struct, tag_field="frame", tag="answer", omit_defaults=True):
    """Host -> engine, answered: an endpoint's answer begins; its body follows in Chunks while the handler works."""

    call: int
    ask: int
    status: int = 200
    headers: dict[str, str] = {}


class Chunk(msgspec.Struct, tag_field="frame", tag="chunk"):
    """Host -> engine, answered when there is room for more: at most 1 MiB of a body that has begun.

    The body's last chunk is not among them: it is `last_base64` of Done's answer {streamed: true, last_base64}, and
    leaves once the attempt has committed.
    """

    call: int
    ask: int
    data_base64: str


class BlobGet(msgspec.Struct, tag_field="frame", tag="blob_get"):
    """Host -> engine, answered with {path, size}: a file that the host can read, as the host sees it."""

    call: int
    ask: int
    blob: str  # sha256:…


class Log(msgspec.Struct, tag_field="frame", tag="log", omit_defaults=True):
    """Host -> engine: one line. `call` is null outside calls; source is logger | stdout | stderr."""

    at_us: int
    level: str  # debug | info | warn | error
    message: str
    call: int | None = None
    fields: dict[str, Any] = {}
    source: str = "logger"


class Done(msgspec.Struct, tag_field="frame", tag="done", omit_defaults=True):
    """Host -> engine: the handler returned. `answer` is an endpoint's {status, headers, body | body_base64}, or {streamed, last_base64}."""

    call: int
    answer: Any = None


class Failed(msgspec.Struct, tag_field="frame", tag="failed", omit_defaults=True):
    """Host -> engine: the handler threw. `retry` is yes | never; `retry_after_s` chooses the time."""

    call: int
    type: str
    message: str
    stack: str = ""  # the user's own frames, innermost last, paths relative to the project
    retry: str = "yes"
    retry_after_s: float | None = None


FromEngine = Hello | Call | Cancel | Reply | Stop
FromHost = (
    Ready
    | Heard
    | Emit
    | Get
    | List
    | Write
    | BlobPut
    | BlobGet
    | Answer
    | Chunk
    | Log
    | Done
    | Failed
)
