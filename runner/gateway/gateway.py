"""One call: decide in one synchronous step (path, caller, draw), then hand it to the engine.

A call that is refused moves no schedule; a call that is drawn stays in its version, whatever becomes of it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from runner.gateway.caller import Domain, Proxies, passed_back, passed_on, split_tag
from runner.gateway.engines import Engines
from runner.gateway.routes import Candidate, Environment, Routes, built
from wistro.auth.parts import Parts, Refused, Unverifiable
from wistro.auth.verify import Verdict, Verifier, sender_id
from wistro.errors import UserError
from wistro.http.client import Lost, Unreachable
from wistro.http.message import JSON, Request, Response, refusal
from wistro.http.paths import MethodNotAllowed, NotFound
from wistro.protocol.route import HEADER, NOT_DRAWN, Route, sign
from wistro.protocol.routing import RoutingTable
from wistro.triggers.http import SignedBodyTooLarge, is_signed, not_matched, not_verified
from wistro.triggers.outside import EVENTS
from wistro.triggers.tasks import TASKS

log = logging.getLogger("runner.gateway")
RESERVED = "/_wistro/"


class UnknownHost(UserError):
    """No environment has this address."""

    code = "gateway.unknown-host"
    hint = "Copy the address from the environment's page: <environment>--<project>--<organization>."
    status = 404


class UnknownTag(UserError):
    """The environment has no deployment of the version that the address names."""

    code = "gateway.unknown-version"
    hint = "Deploy that version to the environment, or leave out v<number>-- from the address."
    status = 404


class Reserved(UserError):
    """A path under /_wistro/ that this gateway does not serve."""

    code = "gateway.reserved"
    hint = "Paths under /_wistro/ are wistro's own; /_wistro/health and /_wistro/ready are built."
    status = 404


class NotServing(UserError):
    """The gateway has no usable routing table for this address yet."""

    code = "gateway.not-serving"
    hint = "Try again after the time in Retry-After."
    status = 503


class EngineAway(UserError):
    """The environment's engine did not come back in time; the call was not received."""

    code = "gateway.engine-away"
    hint = "Try again after the time in Retry-After."
    status = 503


class EngineLost(UserError):
    """The engine went away while it had the call; what it did counts once, if at all."""

    code = "gateway.engine-lost"
    hint = (
        "Try again after the time in Retry-After, with the same Idempotency-Key if there was one."
    )
    status = 503


class Decision(NamedTuple):
    environment: Environment
    deployment_id: str  # "" for a task's link: the engine knows
    claims: dict[str, Any] | None
    sender_id: str | None
    generation: int  # 0 by a version's tag: no weights decided it, so it counts as no draw


class Gateway:
    def __init__(
        self,
        *,
        domain: Domain,
        proxies: Proxies,
        engines: Engines,
        verifier: Verifier,
        new_id: Callable[[], UUID],
        now_us: Callable[[], int],
    ) -> None:
        self._domain = domain
        self._proxies = proxies
        self._engines = engines
        self._verifier = verifier
        self._new_id = new_id
        self._now_us = now_us
        self._routes = Routes()

    @property
    def serial(self) -> int:
        """The applied table's; -1 before the first."""
        return self._routes.serial

    def apply(self, table: RoutingTable) -> None:
        """Put a table in the place of the last, as a whole."""
        self._routes = built(table, before=self._routes)
        self._engines.keep_only({one.id for one in self._routes.environments.values()})

    def counts(self) -> dict[str, dict[str, int | dict[str, int]]]:
        """By environment: its generation and the calls drawn in it, by deployment."""
        return {
            one.id: {"generation": one.generation, "drawn": dict(one.drawn)}
            for one in self._routes.environments.values()
        }

    async def handle(self, request: Request) -> Response:
        if request.path.startswith(TASKS):
            return await self._task(request)
        if request.path.startswith(RESERVED) and not request.path.startswith(EVENTS):
            return self._ours(request)
        if self._routes.needs_keys:
            await self._prepare(request)
        decision = self._decide(request)
        if isinstance(decision, Response):
            return decision
        return await self._forward(request, decision)

    async def _prepare(self, request: Request) -> None:
        """Fetch what verifying this call needs, before the one step that verifies and draws."""
        label = self._domain.label(request.header("host") or "")
        version, environment = _addressed(self._routes, label)
        if environment is None or not environment.needs_keys:
            return
        candidates = environment.candidates(request.method, request.path, version=version)
        if not isinstance(candidates, NotFound | MethodNotAllowed):
            policies = [one for _, each in candidates for one in each.any_of]
            parts = Parts(request.headers, request.body)
            await self._verifier.prepare(policies, parts, now_us=self._now_us())

    def _ours(self, request: Request) -> Response:
        """`ready` is for a load balancer: not before the first table, nor once the gateway drains."""
        health = {"serving": self.serial >= 0, "serial": self.serial}
        if request.path == RESERVED + "ready":
            is_ready = self.serial >= 0 and not request.is_late
            headers = [JSON] if is_ready else [JSON, ("retry-after", "1")]
            return Response(200 if is_ready else 503, msgspec.json.encode(health), headers)
        if request.path in (RESERVED + "health", RESERVED + "healthz"):
            return Response(200, msgspec.json.encode(health), [JSON])
        return refusal(Reserved(f"{request.path} is not served"))

    async def _task(self, request: Request) -> Response:
        """A task's link is its own key. Nothing is drawn: the environment's engine knows whose the task is."""
        found = self._asked_environment(request)
        if isinstance(found, Response):
            return found
        return await self._forward(request, Decision(found[1], "", None, None, NOT_DRAWN))

    def _decide(self, request: Request) -> Decision | Response:
        """No await in here: between the draw and its count no other call may come."""
        found = self._asked_environment(request)
        if isinstance(found, Response):
            return found
        version, environment = found
        candidates = environment.candidates(request.method, request.path, version=version)
        if isinstance(candidates, NotFound | MethodNotAllowed):
            if version is not None and all(
                version != one.version for one in environment.deployments
            ):
                return refusal(UnknownTag(f"version {version} is not deployed here"))
            return not_matched(candidates, request)
        return self._drawn(request, environment, candidates, counts=version is None)

    def _asked_environment(self, request: Request) -> tuple[int | None, Environment] | Response:
        """Whose address it came to, and the version when the address names one."""
        routes = self._routes
        label = self._domain.label(request.header("host") or "")
        if label in routes.unusable or routes.serial < 0:
            return _later(NotServing("this address is not served yet"))
        version, environment = _addressed(routes, label)
        if environment is None:
            return refusal(
                UnknownHost(f"no environment has the address `{request.header('host')}`")
            )
        return version, environment

    def _drawn(
        self,
        request: Request,
        environment: Environment,
        candidates: list[Candidate],
        *,
        counts: bool,
    ) -> Decision | Response:
        if request.file is not None and any(
            is_signed(policies.any_of) for _, policies in candidates
        ):
            return refusal(SignedBodyTooLarge("the body is too large to be verified"))
        parts = Parts(request.headers, request.body)
        now_us = self._now_us()
        verdicts: dict[bytes, Verdict] = {}
        for _, policies in candidates:
            if policies.text not in verdicts:
                verdicts[policies.text] = self._verifier.verify(
                    policies.any_of, parts, now_us=now_us
                )
        schedule = environment.schedule(candidates) if len(candidates) > 1 else None
        turn = schedule.peek() if schedule else 0
        drawn = candidates[turn]
        verdict = verdicts[drawn.policies.text]
        if isinstance(verdict, Refused | Unverifiable):
            self._log_refused(request, environment, verdict.reason)
            return not_verified(verdict)
        sender = sender_id(verdict, parts)
        if counts:
            environment.count(drawn.deployment)
            if schedule:
                schedule.advance(turn)
        generation = environment.generation if counts else NOT_DRAWN
        return Decision(environment, drawn.deployment.id, verdict.claims, sender, generation)

    async def _forward(self, request: Request, decision: Decision) -> Response:
        environment = decision.environment
        address = self._proxies.caller(request.address, request.headers)
        route = Route(
            run_id=str(self._new_id()),
            environment_id=environment.id,
            deployment_id=decision.deployment_id,
            generation=decision.generation,
            method=request.method,
            target=request.target,
            issued_at_us=self._now_us(),
            address=address,
            sender_id=decision.sender_id,
            claims=decision.claims,
        )
        by_proxy = self._proxies.trusts(request.address)
        headers = passed_on(request.headers, address=address, by_proxy=by_proxy)
        headers.append((HEADER, sign(route, key=environment.key)))
        engine = self._engines.of(environment.id)
        try:
            answer = await engine.ask(request, headers)
        except Unreachable as error:
            log.warning("engine away: %s", error, extra={"fields": {"environment": environment.id}})
            return _later(EngineAway("the service is away"))
        except Lost as error:
            fields = {"environment": environment.id, "run": route.run_id}
            log.warning("engine lost: %s", error, extra={"fields": fields})
            return _later(EngineLost("the service went away during the call"))
        return Response(answer.status, answer.body, passed_back(answer.headers))

    def _log_refused(self, request: Request, environment: Environment, reason: str) -> None:
        log.info(
            "refused %s %s: %s",
            request.method,
            request.path,
            reason,
            extra={"fields": {"environment": environment.id, "address": request.address}},
        )


def _addressed(routes: Routes, label: str | None) -> tuple[int | None, Environment | None]:
    """The environment of a label, and the version when the label carries a tag."""
    if label is None:
        return None, None
    if environment := routes.environments.get(label):
        return None, environment
    version, rest = split_tag(label)
    return version, routes.environments.get(rest) if version is not None else None


def _later(error: UserError) -> Response:
    return refusal(error, headers=[("retry-after", "1")])
