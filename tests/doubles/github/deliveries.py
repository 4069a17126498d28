"""Webhooks: signed, sent in order by one thread; held back, dropped, reordered or sent again when a test says so."""

from __future__ import annotations

import hashlib
import hmac
import json
import queue
import threading
import uuid
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.doubles.github.state import App, Installation, State

TIMEOUT_S = 10.0


@dataclass
class Delivery:
    id: str
    event: str
    url: str
    headers: dict[str, str]
    body: bytes
    fate: str = "queued"  # queued, held, dropped, sent, failed
    answers: list[int] = field(default_factory=list)

    def show(self) -> dict[str, Any]:
        told = {
            name: getattr(self, name)
            for name in ("id", "event", "url", "headers", "fate", "answers")
        }
        return told | {"body": self.body.decode()}


class Outbox:
    """What was and is to be sent."""

    def __init__(self) -> None:
        self.all: list[Delivery] = []
        self.is_held = False
        self.drops = 0
        self._queue: queue.Queue[Delivery] = queue.Queue()
        self._changed = threading.Condition()
        threading.Thread(target=self._send_all, daemon=True).start()

    def add(self, one: Delivery) -> None:
        self.all.append(one)
        if self.drops:
            self.drops -= 1
            one.fate = "dropped"
        elif self.is_held:
            one.fate = "held"
        else:
            self.send(one)

    def send(self, one: Delivery) -> None:
        one.fate = "queued"
        self._queue.put(one)

    def wait(self, *, timeout_s: float) -> bool:
        """Until nothing is on its way."""
        with self._changed:
            return self._changed.wait_for(
                lambda: all(one.fate != "queued" for one in self.all), timeout_s
            )

    def _send_all(self) -> None:
        with httpx.Client(verify=False, timeout=TIMEOUT_S, trust_env=False) as client:
            while True:
                one = self._queue.get()
                try:
                    answer = client.post(one.url, content=one.body, headers=one.headers)
                    one.answers.append(answer.status_code)
                    fate = "sent" if answer.is_success else "failed"
                except httpx.HTTPError:
                    fate = "failed"
                with self._changed:
                    one.fate = fate
                    self._changed.notify_all()


OUTBOX = Outbox()


def tell(state: State, event: str, installation: Installation, **body: Any) -> Delivery | None:
    """A webhook to the installation's App, if it has a hook and hears this event."""
    app = state.apps[installation.app_id]
    if app.hook_url is None or not app.hears(event):
        return None
    shown = {"id": installation.id, "account": {"login": installation.account}}
    made = signed(app, event, {**body, "installation": shown, "sender": {"login": state.signed_in}})
    OUTBOX.add(made)
    return made


def signed(app: App, event: str, body: dict[str, Any]) -> Delivery:
    raw, id = json.dumps(body).encode(), str(uuid.uuid4())
    digest = hmac.digest(app.webhook_secret.encode(), raw, hashlib.sha256).hex()
    headers = {
        "content-type": "application/json",
        "user-agent": "GitHub-Hookshot/double",
        "x-github-delivery": id,
        "x-github-event": event,
        "x-github-hook-installation-target-id": str(app.id),
        "x-hub-signature-256": f"sha256={digest}",
    }
    return Delivery(id, event, app.hook_url or "", headers, raw)
