"""Endpoints' two front doors onto an engine.

`LocalDoor` (wistro dev, wistro start) finds the endpoint, verifies the caller and makes the run's id.
`RoutedDoor` (the fleet) takes all three from the gateway's signed `wistro-route` and no one else's word.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from uuid import UUID

import msgspec

from wistro.auth.parts import Parts, Refused, Unverifiable
from wistro.auth.policy import UnsetVariable, resolve, senders
from wistro.auth.verify import CallRefused, CallUnverifiable, Verifier, sender_id
from wistro.errors import UserError
from wistro.http.message import Request, Response, refusal
from wistro.http.paths import Match, MethodNotAllowed, NotFound, PathTable
from wistro.lock.model import ApiTrigger, OutsideTrigger
from wistro.protocol import route
from wistro.triggers import tasks
from wistro.triggers.port import EndpointAnswer, EndpointCall, ServedEngine

log = logging.getLogger("wistro.triggers.http")
OnRefused = Callable[[Request, str], None]  # the call, and why, for the team alone
OURS = "wistro-"  # a prefix of headers that nobody but the gateway may send


class UnknownPath(UserError):
    """No endpoint has this path."""

    code = "call.not-found"
    hint = "Look at the project's endpoints; paths are matched exactly, with their case."
    status = 404


class WrongMethod(UserError):
    """The path has endpoints, but none of this method."""

    code = "call.method"
    hint = "Use one of the methods in Allow."
    status = 405


class EndpointClosed(UserError):
    """The endpoint's policy names a variable without a value, so nobody can be verified."""

    code = "call.closed"
    hint = "The service's owner finds the variable's name in its log."
    status = 503


class SignedBodyTooLarge(UserError):
    """Callers of the endpoint sign the body, and this one is larger than what is verified."""

    code = "call.signed-body-too-large"
    hint = "A signed body has at most 10 MiB: put the file elsewhere and send its address."
    status = 413


class NotRouted(UserError):
    """A call that did not come by the gateway."""

    code = "call.not-routed"
    hint = "Send it to the environment's address."
    status = 403


class LocalDoor:
    """`values` are the environment's variables, for the `$NAME`s in policies. Whoever holds one of `events_keys` may
    send events to the topics of `outside`."""

    def __init__(
        self,
        engine: ServedEngine,
        endpoints: Iterable[ApiTrigger],
        *,
        values: Mapping[str, str],
        new_id: Callable[[], UUID],
        now_us: Callable[[], int],
        verifier: Verifier,
        on_refused: OnRefused | None = None,
        outside: Iterable[OutsideTrigger] = (),
        events_keys: Iterable[str] = (),
    ) -> None:
        self._engine = engine
        self._new_id = new_id
        self._now_us = now_us
        self._verifier = verifier
        self._on_refused = on_refused or _log_refused
        may_send = senders(hashlib.sha256(key.encode()).hexdigest() for key in events_keys)
        self._table = PathTable(
            [
                *((one.method, one.path, _policies(one, values)) for one in endpoints),
                *(("POST", one.path, may_send) for one in outside),
            ]
        )

    async def handle(self, request: Request) -> Response:
        if request.path.startswith(tasks.TASKS):
            return await tasks.handle(self._engine, request)
        found = self._table.match(request.method, request.path)
        if not isinstance(found, Match):
            return not_matched(found, request)
        if isinstance(found.value, UnsetVariable):
            self._on_refused(request, found.value.message)
            return refusal(EndpointClosed("the endpoint is not set up"))
        if request.file is not None and is_signed(found.value):
            return refusal(SignedBodyTooLarge("the body is too large to be verified"))
        parts, now_us = Parts(request.headers, request.body), self._now_us()
        await self._verifier.prepare(found.value, parts, now_us=now_us)
        verdict = self._verifier.verify(found.value, parts, now_us=now_us)
        if isinstance(verdict, Refused | Unverifiable):
            self._on_refused(request, verdict.reason)
            return not_verified(verdict)
        call = EndpointCall(
            run_id=self._new_id(),
            method=request.method,
            path=request.path,
            query=request.query,
            headers=without_ours(request.headers),
            body=request.body,
            file=request.file,
            size=request.size if request.file else 0,
            sink=request.sink,
            address=request.address,
            sender_id=sender_id(verdict, parts),
            claims=verdict.claims,
        )
        return _response(await self._engine.call(call))


class RoutedDoor:
    """One environment's engine behind gateways; `key` is the assignment's and may change with it."""

    def __init__(
        self, engine: ServedEngine, *, environment_id: str, key: bytes, now_us: Callable[[], int]
    ) -> None:
        self._engine = engine
        self._environment_id = environment_id
        self._now_us = now_us
        self.key = key

    async def handle(self, request: Request) -> Response:
        decided = self._decided(request)
        if decided is None:
            return refusal(NotRouted("the call did not come by the gateway"))
        if request.path.startswith(tasks.TASKS):
            return await tasks.handle(self._engine, request)
        call = EndpointCall(
            run_id=UUID(decided.run_id),
            method=request.method,
            path=request.path,
            query=request.query,
            headers=without_ours(request.headers),
            body=request.body,
            file=request.file,
            size=request.size if request.file else 0,
            sink=request.sink,
            address=decided.address,
            deployment_id=decided.deployment_id,
            generation=decided.generation,
            sender_id=decided.sender_id,
            claims=decided.claims,
        )
        return _response(await self._engine.call(call))

    def _decided(self, request: Request) -> route.Route | None:
        headers = request.header_values(route.HEADER)
        if len(headers) != 1:
            log.warning("refused a call with %d wistro-route headers", len(headers))
            return None
        try:
            decided = route.verify(headers[0], key=self.key, now_us=self._now_us())
        except (route.UnsignedRoute, msgspec.DecodeError, ValueError) as error:
            log.warning("refused a call: wistro-route: %s", error)
            return None
        said = (decided.environment_id, decided.method, decided.target)
        if said != (self._environment_id, request.method, request.target):
            log.warning("refused a call: its wistro-route is of another call")
            return None
        return decided


def not_matched(found: NotFound | MethodNotAllowed, request: Request) -> Response:
    if isinstance(found, NotFound):
        return refusal(UnknownPath(f"no endpoint answers {request.path}"))
    return refusal(
        WrongMethod(f"{request.path} does not answer {request.method}"),
        headers=[("allow", ", ".join(found.allow))],
    )


def is_signed(policies: Iterable[Mapping[str, Any]]) -> bool:
    """Whether any of them reads the body."""
    return any(policy.get("type") == "hmac" for policy in policies)


def not_verified(verdict: Refused | Unverifiable) -> Response:
    """Why is told to the team alone."""
    if isinstance(verdict, Refused):
        return refusal(CallRefused("the call was refused"))
    return refusal(
        CallUnverifiable("the caller cannot be verified now"), headers=[("retry-after", "30")]
    )


def without_ours(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [pair for pair in headers if not pair[0].startswith(OURS)]


def _log_refused(request: Request, reason: str) -> None:
    log.info("refused %s %s: %s", request.method, request.path, reason)


def _policies(
    endpoint: ApiTrigger, values: Mapping[str, str]
) -> list[dict[str, Any]] | UnsetVariable:
    try:
        return resolve(endpoint.auth, values)
    except UnsetVariable as error:
        return error


def _response(answer: EndpointAnswer) -> Response:
    return Response(answer.status, answer.body, answer.headers, streamed=answer.streamed)
