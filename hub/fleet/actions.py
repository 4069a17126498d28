"""What changes the fleet: machines register and are seen; environments are placed on agents; the clock ticks."""

from __future__ import annotations

import secrets
from datetime import timedelta
from uuid import UUID

from django.db import connection
from django.db.models import Count, Q
from django.db.models.functions import Now

from hub.fleet.authentication import hash_of
from hub.fleet.models import Grant, Machine
from hub.projects.models import Environment
from wistro.protocol.machine import Registered, Registration

SILENT_AFTER = timedelta(seconds=6)


def register(said: Registration) -> Registered:
    """A machine by its kind and name, with a new token; one of the same name is replaced and keeps its id."""
    token = f"wsm_{secrets.token_urlsafe(32)}"
    machine, _ = Machine.objects.update_or_create(
        kind=said.kind,
        name=said.name,
        defaults={
            "token_sha256": hash_of(token.encode()),
            "platform": said.platform,
            "sandbox": said.sandbox,
            "registered_at": Now(),
            "seen_at": Now(),
        },
    )
    return Registered(machine_id=str(machine.pk), token=token)


def seen(machine: Machine, *, serial: int) -> bool:
    """Note that it asked, and what it has applied. Written at most once a second; True when the serial is new."""
    news = machine.serial != serial
    filter = Q(pk=machine.pk)
    if not news:
        filter &= Q(seen_at__lt=Now() - timedelta(seconds=1))
        Machine.objects.filter(filter).update(seen_at=Now())
    else:
        Machine.objects.filter(filter).update(seen_at=Now(), serial=serial, serial_at=Now())
    return news


def alive(kind: str) -> Q:
    return Q(kind=kind, seen_at__gt=Now() - SILENT_AFTER)


def tick() -> int:
    """The next serial, in the caller's transaction: what gateways and agents poll has changed."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO fleet_clock (id, serial) VALUES (1, 1) "
            "ON CONFLICT (id) DO UPDATE SET serial = fleet_clock.serial + 1 RETURNING serial"
        )
        (serial,) = cursor.fetchone() or (0,)
        return serial


def serial() -> int:
    """The newest committed serial."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(serial), 0) FROM fleet_clock")
        (serial,) = cursor.fetchone() or (0,)
        return serial


def place(environment: Environment) -> Grant | None:
    """Give the environment to the agent with the fewest; None when no agent is alive yet (beat tries again).

    A grant stays where it is, also while its agent is silent: the environment's store is a file on that machine
    (docs/decisions/0004). It moves once a store is named by URL.
    """
    if (grant := Grant.objects.filter(environment=environment).first()) is not None:
        return grant
    agents = Machine.objects.filter(alive("agent"))
    machine = min(agents, key=lambda one: (load_of(one.pk), one.pk), default=None)
    if machine is None:
        return None
    grant, _ = Grant.objects.get_or_create(environment=environment, defaults={"machine": machine})
    tick()
    return grant


def state_of_agent(environment: Environment) -> str:
    """Of the agent that has it: none, silent or alive."""
    grant = Grant.objects.filter(environment=environment).first()
    if grant is None:
        return "none"
    return (
        "alive"
        if Machine.objects.filter(alive("agent"), pk=grant.machine_id).exists()
        else "silent"
    )


def load_of(machine_id: UUID) -> int:
    """How many environments of the asking tenant it has: a hint for spreading, not a count of all tenants'."""
    return Grant.objects.filter(machine_id=machine_id).aggregate(n=Count("pk"))["n"]
