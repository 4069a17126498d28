"""The machine API, `/machine/v1`, JSON over HTTP with a bearer token: agents, builders, gateways ask; the Hub answers.

POST /register                  Registration -> Registered            (pool token)
GET  /routing                   -> RoutingTable | 304                 (gateway; see routing.py)
GET  /assignments               -> Assignments | 304                  (agent)
POST /heartbeat                 Heartbeat -> 204                      (agent, every 2 s)
POST /builds/claim              -> BuildOrder | 204                   (builder)
POST /builds/<id>/progress      BuildProgress -> BuildControl         (builder; every 5 s at least)
POST /builds/<id>/finish        BuildResult -> 204                    (builder; idempotent)
POST /blobs/missing             {"sha256": […]} -> {"missing": […]}   (builder)
PUT  /blobs/<sha256>            bytes -> 204                          (builder)
GET  /blobs/<sha256>            -> bytes                              (agent and builder, of their own tenants' work)
POST /records                   RecordsBatch -> RecordsTaken          (agent; see records.py)
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

Count = Annotated[int, msgspec.Meta(ge=0, lt=2**31)]
Counter = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]  # serials and fences: they only grow
InstantUs = Annotated[int, msgspec.Meta(ge=0, lt=253_402_300_800_000_000)]  # until the year 10,000


class Registration(msgspec.Struct, omit_defaults=True):
    protocol: int
    kind: str  # agent | builder | gateway
    name: str  # stable for a machine: registering again replaces its token
    platform: str = "linux-x86_64"
    sandbox: dict[str, str] = {}  # layer -> on | off | why not


class Registered(msgspec.Struct):
    machine_id: str
    token: str


class AssignedDeployment(msgspec.Struct):
    """One deployment to load. `want` is serve | drain (finish live runs, take no new root) | stop."""

    deployment_id: str
    version_id: str
    version: int
    weight: int
    want: str
    bundle: str  # sha256 of the Bundle's JSON
    variables: dict[str, str]
    secrets: list[str]  # names among `variables` whose values are redacted from records
    revision: int


class Assignment(msgspec.Struct, omit_defaults=True):
    """An environment on this machine. `fence` grows with each grant; a lower one's writes are refused."""

    environment_id: str
    organization_id: str
    fence: int
    key: str  # base64; verifies wistro-route
    deployments: list[AssignedDeployment]
    primary: str | None = None  # the deployment in which cron fires
    store_url: str | None = None  # None: sqlite under the agent's data folder


class Assignments(msgspec.Struct):
    protocol: int
    serial: int
    lease_s: float
    assignments: list[Assignment]


class DeploymentHealth(msgspec.Struct, omit_defaults=True):
    deployment_id: str
    state: str  # starting | healthy | draining | stopped | failed
    live_runs: Count = 0
    error: str | None = None


class EnvironmentHealth(msgspec.Struct):
    environment_id: str
    fence: Counter
    deployments: list[DeploymentHealth]


class Heartbeat(msgspec.Struct):
    serial: Counter  # the assignments' serial that is applied
    environments: list[EnvironmentHealth]


class GitSource(msgspec.Struct, omit_defaults=True):
    url: str
    commit: str
    ref: str | None = None
    username: str | None = None
    token: str | None = None  # short-lived; given to the fetch alone
    subdirectory: str | None = None


class UploadSource(msgspec.Struct):
    bundle: str  # sha256 of a Bundle's JSON


class BuildOrder(msgspec.Struct, omit_defaults=True):
    """One build, leased to this builder until `lease_s` passes without progress."""

    build_id: str
    version_id: str
    organization_id: str
    attempt: int
    lease_s: float
    git: GitSource | None = None
    upload: UploadSource | None = None


class BuildLine(msgspec.Struct):
    seq: Count
    at_us: InstantUs
    stage: str  # a build state
    text: str


class BuildProgress(msgspec.Struct):
    attempt: int
    state: str  # fetching | installing | compiling | uploading
    lines: list[BuildLine]


class BuildControl(msgspec.Struct):
    cancelled: bool


class Problem(msgspec.Struct, omit_defaults=True):
    """A UserError on the wire."""

    code: str
    message: str
    hint: str | None = None
    where: str | None = None


class BuildResult(msgspec.Struct, omit_defaults=True):
    """`outcome` is ready | failed | cancelled; lock and bundle come with ready."""

    attempt: int
    outcome: str
    lines: list[BuildLine] = []
    lock: str | None = None  # the file's text
    bundle: str | None = None
    endpoints: list[dict[str, Any]] = []
    problems: list[Problem] = []
