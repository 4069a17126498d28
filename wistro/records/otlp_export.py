"""Sends spans and log lines to an OpenTelemetry collector, over OTLP/HTTP with JSON, beside whatever else is done.

Set up by OpenTelemetry's own variables: OTEL_EXPORTER_OTLP_ENDPOINT (or …_TRACES_ENDPOINT, …_LOGS_ENDPOINT),
OTEL_EXPORTER_OTLP_HEADERS, OTEL_EXPORTER_OTLP_TIMEOUT, OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES, OTEL_SDK_DISABLED.
Best effort: what a collector does not take in time is dropped and counted; nothing of a run waits for it.
"""

from __future__ import annotations

import http.client
import logging
import threading
import time
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec

from wistro import __version__
from wistro.errors import UserError
from wistro.protocol.records import Record
from wistro.records.otlp import Translation
from wistro.store.port import Chunk

log = logging.getLogger("wistro.otlp")

BATCH = 1_000  # records a request
EVERY_S = 1.0
MOST_WAITING_BYTES = 16 * 1024 * 1024
TIMEOUT_S = 10.0
TRIES = 4
FIRST_WAIT_S = 0.5
CLOSE_S = 5.0
AGAIN = {429, 502, 503, 504}  # OTLP/HTTP: those that a client tries again


class BadExporter(UserError):
    """OpenTelemetry's variables ask for something that is not built."""

    code = "otlp.setting"
    hint = "Set OTEL_EXPORTER_OTLP_ENDPOINT to a collector's http(s) address and OTEL_EXPORTER_OTLP_PROTOCOL to http/json."


@dataclass(frozen=True)
class Target:
    """Where to, by signal; one that is None is not sent."""

    traces: str | None
    logs: str | None
    headers: dict[str, str] = field(default_factory=dict)
    timeout_s: float = TIMEOUT_S


def target_of(environ: Mapping[str, str]) -> Target | None:
    """What the variables ask for; None when they ask for nothing. Raises BadExporter."""
    prefix = "OTEL_EXPORTER_OTLP"
    base = environ.get(f"{prefix}_ENDPOINT", "").rstrip("/")
    traces = environ.get(f"{prefix}_TRACES_ENDPOINT") or (f"{base}/v1/traces" if base else None)
    logs = environ.get(f"{prefix}_LOGS_ENDPOINT") or (f"{base}/v1/logs" if base else None)
    if environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or not (traces or logs):
        return None
    if environ.get("OTEL_TRACES_EXPORTER") == "none":
        traces = None
    if environ.get("OTEL_LOGS_EXPORTER") == "none":
        logs = None
    protocol = environ.get(f"{prefix}_PROTOCOL", "http/json")
    if protocol != "http/json":
        raise BadExporter(f"OTEL_EXPORTER_OTLP_PROTOCOL is `{protocol}`; wistro sends http/json")
    for url in (traces, logs):
        if url and urlsplit(url).scheme not in ("http", "https"):
            raise BadExporter(f"`{url}` is no http(s) address")
    timeout = environ.get(f"{prefix}_TIMEOUT", "")
    timeout_s = int(timeout) / 1_000 if timeout.isdigit() else TIMEOUT_S
    return Target(traces, logs, _pairs(environ.get(f"{prefix}_HEADERS", "")), max(0.1, timeout_s))


def resource_of(environ: Mapping[str, str], *, service: str) -> dict[str, str]:
    found = {
        "service.name": service,
        "telemetry.sdk.name": "wistro",
        "telemetry.sdk.language": "python",
        "telemetry.sdk.version": __version__,
    }
    found |= _pairs(environ.get("OTEL_RESOURCE_ATTRIBUTES", ""))
    if name := environ.get("OTEL_SERVICE_NAME"):
        found["service.name"] = name
    return found


def _pairs(text: str) -> dict[str, str]:
    """`a=b,c=d`, percent-encoded (W3C Baggage)."""
    parts = [one.partition("=") for one in text.split(",") if "=" in one]
    return {unquote(key.strip()): unquote(value.strip()) for key, _, value in parts if key.strip()}


class Exporter:
    """`take` from any thread; `close` waits some seconds for what is left."""

    def __init__(self, target: Target, resource: dict[str, str]) -> None:
        self._target = target
        self._translation = Translation(resource)
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._dropped = 0
        self._until = float("inf")
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="otlp", daemon=True)
        self._thread.start()

    def take(self, chunks: list[Chunk]) -> None:
        with self._lock:
            for chunk in chunks:
                if self._bytes + len(chunk.lines) > MOST_WAITING_BYTES:
                    self._dropped += chunk.lines.count(b"\n")
                    continue
                self._bytes += len(chunk.lines)
                self._waiting.append(chunk.lines)
        self._wake.set()

    def close(self) -> None:
        self._until = time.monotonic() + CLOSE_S
        self._stop.set()
        self._wake.set()
        self._thread.join(CLOSE_S)

    def _run(self) -> None:
        while not self._stop.is_set():
            self._wake.wait()
            self._wake.clear()
            self._stop.wait(EVERY_S)  # gathers what comes meanwhile
            self._send_waiting()
        self._send_waiting()

    def _send_waiting(self) -> None:
        while lines := self._next():
            records = [_record.decode(line) for line in lines]
            traces, logs = self._translation.of(records)
            for url, body in ((self._target.traces, traces), (self._target.logs, logs)):
                if url is not None and body is not None:
                    self._send(url, body, len(lines))

    def _next(self) -> list[bytes]:
        lines: list[bytes] = []
        with self._lock:
            while self._waiting and len(lines) < BATCH:
                chunk = self._waiting.popleft()
                self._bytes -= len(chunk)
                lines += chunk.splitlines()
            dropped, self._dropped = self._dropped, 0
        if dropped:
            log.warning("%d records were not sent: the collector is too slow", dropped)
        return lines

    def _send(self, url: str, body: dict[str, Any], count: int) -> None:
        data = msgspec.json.encode(body)
        headers = {"content-type": "application/json", "user-agent": f"wistro/{__version__}"}
        request = urllib.request.Request(url, data, headers | self._target.headers, method="POST")
        wait_s = FIRST_WAIT_S
        for left in range(TRIES - 1, -1, -1):
            why, asked_s = self._once(request)
            if why is None:
                return
            if asked_s is None or not left or not self._waited(max(asked_s, wait_s)):
                log.warning("%d records were not sent to %s: %s", count, url, why)
                return
            wait_s *= 2

    def _waited(self, seconds: float) -> bool:
        """Whether there was time to: while it closes, there is only what `close` waits for."""
        if not self._stop.wait(seconds):
            return True
        if time.monotonic() + seconds > self._until:
            return False
        time.sleep(seconds)
        return True

    def _once(self, request: urllib.request.Request) -> tuple[str | None, float | None]:
        """Why it was not taken, and after how many seconds it may be tried again; None for never."""
        try:
            with _opener.open(request, timeout=self._target.timeout_s) as answer:
                answer.read(64 * 1024)
            return None, None
        except urllib.error.HTTPError as error:
            after = error.headers.get("retry-after", "")
            seconds = float(min(int(after), 30)) if after.isascii() and after.isdigit() else 0.0
            return f"it answered {error.code}", seconds if error.code in AGAIN else None
        except (OSError, ValueError, http.client.HTTPException) as error:
            return str(getattr(error, "reason", error)) or type(error).__name__, 0.0


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *arguments: Any, **more: Any) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The headers hold the collector's key: they go where they were meant to."""


_opener = urllib.request.build_opener(_NoRedirect)
_record: msgspec.json.Decoder[Record] = msgspec.json.Decoder(Record)
