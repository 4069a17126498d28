"""Records as agents send them, and the machines that may; what was taken in is read with the Hub's own API."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import msgspec
from django.db.models.functions import Now

from hub.common.tenancy import tenant
from hub.deployments.models import Build, Deployment, Version
from hub.fleet.actions import register
from hub.fleet.models import Grant
from hub.projects.models import Environment
from hub.runs.models import Attempt, Line, Payload, Run
from tests.factories.accounts import unique
from tests.factories.engine import a_lock, a_step
from tests.factories.projects import an_environment
from tests.factories.registry import World, makes
from wistro.lock import file as lock_file
from wistro.lock.model import Lock, Variable
from wistro.protocol import PROTOCOL
from wistro.protocol.ids import new_id
from wistro.protocol.machine import Registration
from wistro.protocol.records import AttemptRecord, ClosedRecord, LineRecord, Record, RunRecord

FENCE = 7
AT_US = 1_795_341_600_000_000
LOCK = msgspec.structs.replace(
    a_lock(
        {
            "src/order": a_step("api", name="Take order", method="POST", path="/orders/:shop"),
            "src/charge": a_step("event", name="Charge card", subscribes=["order"]),
            "src/nightly": a_step("cron", name="Nightly", cron="0 2 * * *"),
        }
    ),
    env=[Variable("STOCK_SECRET")],
)


def a_deployed_version(environment: Environment, *, lock: Lock = LOCK) -> Deployment:
    """A ready version, healthy in the environment."""
    with tenant(environment.organization_id):
        number = Version.objects.filter(project=environment.project_id).count() + 1
        text = lock_file.write(lock).decode()
        version = Version.objects.create(
            project_id=environment.project_id, number=number, source="upload", state="ready",
            lock=text, lock_digest=lock_file.parse(text.encode()).digest, bundle="0" * 64, ready_at=Now(),
        )  # fmt: skip
        Build.objects.create(version=version, state="ready", ended_at=Now())
        return Deployment.objects.create(
            environment=environment, version=version, revision=0, state="healthy", healthy_at=Now()
        )


@dataclass
class Sender:
    """An agent with one environment; `boot()` is a new stream of its engine."""

    environment: Environment
    deployment: Deployment
    token: str
    fence: int = FENCE

    @property
    def organization_id(self) -> UUID:
        return self.environment.organization_id

    def boot(self) -> Boot:
        return Boot(self)


@dataclass
class Boot:
    """One stream: numbers what it is told to record. `batch()` is all since the last one."""

    sender: Sender
    stream: str = field(default_factory=lambda: str(new_id()))
    waiting: list[Record] = field(default_factory=list)
    seqs: itertools.count = field(default_factory=lambda: itertools.count(1))

    def line(self, message: str = "a line", *, at_us: int = AT_US, **more: Any) -> LineRecord:
        deployment = str(self.sender.deployment.pk)
        return self._add(LineRecord(next(self.seqs), at_us, "info", message, deployment, **more))

    def run(self, id: UUID | str | None = None, *, status: str = "done", **more: Any) -> RunRecord:
        record = RunRecord(
            next(self.seqs), AT_US, str(id or new_id()), str(self.sender.deployment.pk), 1,
            "api", "src/order", status, AT_US, method="POST", path="/orders/berlin",
            ended_at_us=None if status in ("running", "waiting") else AT_US + 9,
        )  # fmt: skip
        return self._add(msgspec.structs.replace(record, **more))

    def attempt(self, run: str, *, step: str = "src/order", **more: Any) -> AttemptRecord:
        record = AttemptRecord(
            next(self.seqs), AT_US, str(new_id()), str(new_id()), run,
            str(self.sender.deployment.pk), step, 1, "done", AT_US, AT_US + 1, AT_US + 3, AT_US + 1,
        )  # fmt: skip
        return self._add(msgspec.structs.replace(record, **more))

    def close(self) -> ClosedRecord:
        return self._add(ClosedRecord(next(self.seqs), AT_US))

    def skip(self, count: int = 1) -> None:
        """Lines that were lost on their way."""
        for _ in range(count):
            next(self.seqs)

    def batch(self, *records: Record, **more: Any) -> dict[str, Any]:
        """As JSON's objects; of these records, or all that wait."""
        sent = list(records) or self.waiting
        if not records:
            self.waiting = []
        return {
            "environment_id": str(self.sender.environment.pk),
            "fence": self.sender.fence,
            "stream": self.stream,
            "records": msgspec.to_builtins(sent),
            **more,
        }

    def _add(self, record: Any) -> Any:
        self.waiting.append(record)
        return record


def a_sender(of: Environment | None = None) -> Sender:
    of = of or an_environment()
    registered = register(Registration(PROTOCOL, "agent", f"agent-{unique()}"))
    with tenant(of.organization_id):
        environment = Environment.objects.get(pk=of.pk)
        Grant.objects.create(environment=environment, machine_id=registered.machine_id, fence=FENCE)
    return Sender(environment, a_deployed_version(environment), registered.token)


def a_kept_run(environment: Environment, deployment: Deployment, *, status: str = "done") -> Run:
    """A run with one attempt, its payload and a line, put there as the app, in the test's own transaction."""
    boot = Boot(Sender(environment, deployment, ""))
    said = boot.run(status=status)
    tried = boot.attempt(said.run_id, input={"body": {"sku": "tea"}}, answer={"status": 202})
    where = {"environment_id": environment.pk, "deployment_id": deployment.pk}
    with tenant(environment.organization_id):
        run = Run.objects.create(
            id=said.run_id, stream=boot.stream, seq=1, generation=1, status=status, trigger="api",
            trigger_id="src/order", method="POST", path="/orders/berlin", flows=[], trace_id="",
            started_at_us=AT_US, ended_at_us=AT_US + 9, **where,
        )  # fmt: skip
        Attempt.objects.create(
            id=tried.attempt_id, run_id=run.pk, delivery_id=tried.delivery_id, step=tried.step,
            number=1, outcome="done", ordinal=0, queued_at_us=AT_US, started_at_us=AT_US + 1,
            ended_at_us=AT_US + 3, **where,
        )  # fmt: skip
        record = msgspec.json.encode(tried).decode()
        Payload.objects.create(id=tried.attempt_id, environment_id=environment.pk, record=record)
        Line.objects.create(
            stream=boot.stream, seq=3, at_us=AT_US, level="info", source="logger",
            message="a line", fields="", run_id=run.pk, **where,
        )  # fmt: skip
    return run


@makes("run")
def _run(world: World) -> UUID:
    environment = Environment.objects.select_related("project").get(pk=world.get("environment"))
    return a_kept_run(environment, a_deployed_version(environment)).pk
