"""`GitHub`: starts the double and steers it. One `with GitHub.start(folder) as github:` is one process."""

from __future__ import annotations

import os
import secrets
import select
import ssl
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[3]
START_S = 20.0
END_S = 10.0


@dataclass(frozen=True)
class Sent:
    """A webhook as it was or would be sent; `fate`: queued, held, dropped, sent or failed."""

    id: str
    event: str
    url: str
    headers: dict[str, str]
    body: str
    fate: str
    answers: list[int]


class GitHub:
    """What a test does to the double: repositories, pushes, Apps, webhooks. `url`, `api_url`, `ca` are for settings."""

    def __init__(self, url: str, ca: Path, *, control: str) -> None:
        self.url, self.ca = url, ca
        self.api_url = f"{url}/api/v3"
        self.http = httpx.Client(
            base_url=url,
            verify=ssl.create_default_context(cafile=str(ca)),
            timeout=30,
            trust_env=False,
        )
        self._control = {"authorization": f"Bearer {control}"}

    @classmethod
    @contextmanager
    def start(cls, folder: Path, *, port: int = 0) -> Iterator[GitHub]:
        """Repositories and CA in this folder; a CA that is already in `folder/ca` is used."""
        control = secrets.token_hex(16)
        argv = [sys.executable, "-m", "tests.doubles.github", "--port", str(port)]
        argv += ["--folder", str(folder / "repositories"), "--ca", str(folder / "ca")]
        process = subprocess.Popen(
            argv, cwd=ROOT, stdout=subprocess.PIPE, env=os.environ | {"DOUBLE_CONTROL": control}
        )
        try:
            github = cls(_address(process), folder / "ca" / "ca.pem", control=control)
            with github.http:
                yield github
        finally:
            process.terminate()
            try:
                process.wait(END_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(END_S)
            if process.stdout:
                process.stdout.close()

    def _ask(self, what: str, **body: Any) -> Any:
        answer = self.http.post(f"/_control/{what}", json=body, headers=self._control)
        assert answer.is_success, f"{what}: {answer.status_code} {answer.text}"
        return answer.json()

    # Repositories

    def repository(
        self, full_name: str, *, private: bool = True, default_branch: str = "main"
    ) -> int:
        """An empty one; its id."""
        return self._ask(
            "repository", full_name=full_name, private=private, default_branch=default_branch
        )["id"]

    def rename(self, full_name: str, name: str) -> None:
        self._ask("rename", full_name=full_name, name=name)

    def push(
        self,
        full_name: str,
        files: Mapping[str, str | None],
        message: str = "A change",
        branch: str = "main",
        *,
        onto: str | None = None,
    ) -> str:
        """One commit over the branch's head (or `onto`), pushed and told by webhook; its id."""
        return self._ask(
            "push",
            full_name=full_name,
            files=dict(files),
            message=message,
            branch=branch,
            onto=onto,
        )

    def move(self, full_name: str, branch: str, sha: str | None) -> None:
        """A force-push of a branch to an earlier commit; None removes the branch."""
        self._ask("push", full_name=full_name, branch=branch, sha=sha)

    # Users and Apps

    def user(
        self,
        login: str,
        accounts: list[str],
        *,
        sign_in: bool = False,
        sees: list[str] | None = None,
    ) -> None:
        """Someone who may install Apps on these accounts; `sign_in`: whom its pages are for from now on.

        `sees`: the only repositories that they may see there, as a collaborator.
        """
        self._ask("user", login=login, accounts=accounts, sign_in=sign_in, sees=sees)

    def make_app(self, manifest: Mapping[str, Any]) -> dict[str, Any]:
        """An App as if its manifest was posted: `id`, `slug`, and the `code` of its conversion."""
        return self._ask("make_app", manifest=dict(manifest))

    def install(self, app_id: int, account: str, repositories: list[str]) -> int:
        return self._ask("install", app_id=app_id, account=account, repositories=repositories)

    def user_code(self, app_id: int, login: str) -> str:
        """The code with which a user comes back from authorizing an App."""
        return self._ask("user_code", app_id=app_id, login=login)

    def suspend(self, installation: int, *, undo: bool = False) -> None:
        change = "unsuspend" if undo else "suspend"
        self._ask("change_installation", id=installation, change=change)

    def uninstall(self, installation: int) -> None:
        self._ask("change_installation", id=installation, change="delete")

    def take_out(self, installation: int, full_name: str) -> None:
        """Take a repository out of an installation."""
        self._ask("change_installation", id=installation, change=full_name)

    def set_permissions(self, permissions: Mapping[str, str]) -> None:
        self._ask("permissions", permissions=dict(permissions))

    def token(self, installation: int) -> str:
        """One that reads all repositories of an installation, as the App would be given."""
        return self._ask("token", installation=installation)

    def expire_tokens(self) -> None:
        self._ask("expire_tokens")

    def fail_next(self, requests: int) -> None:
        """Answer so many requests of its API with 502."""
        self._ask("fail", requests=requests)

    def changes(self, sha: str | None = None) -> list[dict[str, Any]]:
        """Check runs and statuses, each with its `history` and how it is `now`."""
        return [one for one in self._ask("changes") if sha in (None, one["sha"])]

    def asked(self) -> list[tuple[str, str]]:
        """Every request to it so far but ours: (method, path)."""
        return [(method, path) for method, path in self._ask("asked")]

    # Webhooks

    def hold(self, is_held: bool = True) -> None:
        """Keep webhooks back, for `deliver` to send in any order."""
        self._ask("hold", is_held=is_held)

    def drop_next(self, count: int = 1) -> None:
        self._ask("drop_next", count=count)

    def sent(self, event: str | None = None) -> list[Sent]:
        """All webhooks so far, oldest first."""
        found = [Sent(**one) for one in self._ask("sent")]
        return [one for one in found if event in (None, one.event)]

    def deliver(self, *ids: str) -> None:
        """Send these, in this order; those sent before are sent again under the same id."""
        self._ask("deliver", ids=list(ids))

    redeliver = deliver

    def wait(self, timeout_s: float = 20) -> None:
        """Until no webhook is on its way."""
        assert self._ask("wait", timeout_s=timeout_s), "webhooks are still on their way"


def _address(process: subprocess.Popen) -> str:
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], START_S)
    line = process.stdout.readline().decode().strip() if ready else ""
    if not line.startswith("https://"):
        raise RuntimeError(f"the double of GitHub did not start: {process.poll()}")
    return line
