"""The double refuses what GitHub refuses, and serves real git."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.server
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from tests.doubles.github import GitHub

PERMISSIONS = {"contents": "read", "checks": "write", "statuses": "write"}


@pytest.fixture(scope="module")
def github(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitHub]:
    with GitHub.start(tmp_path_factory.mktemp("github")) as github:
        yield github


@dataclass
class AnApp:
    github: GitHub
    id: int
    slug: str
    client_id: str
    client_secret: str
    webhook_secret: str
    pem: str

    def jwt(self, *, lasts_s: int = 540, iss: Any = None, age_s: int = 30, key: str = "") -> str:
        now = int(time.time())
        claims = {"iat": now - age_s, "exp": now + lasts_s, "iss": iss or str(self.id)}
        return jwt.encode({"alg": "RS256"}, claims, RSAKey.import_key(key or self.pem))

    def ask(self, method: str, path: str, token: str, **more: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {token}"}
        return self.github.http.request(method, f"/api/v3{path}", headers=headers, **more)

    def token(self, installation: int, **wish: Any) -> httpx.Response:
        path = f"/app/installations/{installation}/access_tokens"
        return self.ask("POST", path, self.jwt(), json=wish)


def an_app(github: GitHub, *, hook: str | None = None, **more: Any) -> AnApp:
    manifest = {
        "name": f"app {time.time_ns()}",
        "url": "http://localhost:8000",
        "redirect_url": "http://localhost:8000/made",
        "callback_urls": ["http://localhost:8000/installed"],
        "request_oauth_on_install": True,
        "default_permissions": PERMISSIONS,
        "default_events": ["push"],
        **({"hook_attributes": {"url": hook}} if hook else {}),
        **more,
    }
    code = github.make_app(manifest)["code"]
    made = github.http.post(f"/api/v3/app-manifests/{code}/conversions").json()
    names = ("id", "slug", "client_id", "client_secret", "webhook_secret", "pem")
    return AnApp(github, **{name: made[name] for name in names})


def a_repository(github: GitHub, **more: Any) -> str:
    name = f"acme/shop-{time.time_ns()}"
    github.repository(name, **more)
    return name


@pytest.fixture(scope="module")
def app(github: GitHub) -> AnApp:
    return an_app(github)


def other_pem() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def test_an_app_is_known_by_its_jwt(app: AnApp) -> None:
    assert app.ask("GET", "/app", app.jwt()).json()["id"] == app.id


@pytest.mark.parametrize(
    "wrong",
    [
        {"lasts_s": 700},
        {"lasts_s": 590, "age_s": 120},
        {"lasts_s": -10},
        {"age_s": -300},
        {"iss": "1"},
        {"key": other_pem()},
    ],
    ids=["too far", "too long", "expired", "of the future", "wrong issuer", "wrong key"],
)
def test_a_wrong_app_jwt_is_refused(app: AnApp, wrong: dict[str, Any]) -> None:
    assert app.ask("GET", "/app", app.jwt(**wrong)).status_code == 401


def test_a_jwt_of_another_algorithm_is_refused(app: AnApp) -> None:
    now = int(time.time())
    claims = {"iat": now, "exp": now + 60, "iss": str(app.id)}
    by_secret = jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(app.webhook_secret))

    assert app.ask("GET", "/app", by_secret).status_code == 401
    assert app.ask("GET", "/app", "no.jwt.atall").status_code == 401


def test_a_manifests_code_is_converted_once(github: GitHub) -> None:
    code = github.make_app({"name": "Once", "url": "x", "redirect_url": "x"})["code"]
    convert = f"/api/v3/app-manifests/{code}/conversions"

    assert github.http.post(convert).status_code == 201
    assert github.http.post(convert).status_code == 404


def test_an_unknown_or_anothers_installation_is_refused(github: GitHub, app: AnApp) -> None:
    theirs = github.install(an_app(github).id, "acme", [])

    for id in (1, theirs):
        assert app.ask("GET", f"/app/installations/{id}", app.jwt()).status_code == 404
        assert app.token(id).status_code == 404


def test_a_token_is_limited_to_what_it_was_asked_for(github: GitHub, app: AnApp) -> None:
    mine, other, outside = a_repository(github), a_repository(github), a_repository(github)
    sha = github.push(mine, {"a": "1"})
    installation = github.install(app.id, "acme", [mine, other])
    wish = {"repositories": [mine.split("/")[1]], "permissions": {"contents": "read"}}
    token = app.token(installation, **wish).json()["token"]

    assert app.token(installation, repositories=[outside.split("/")[1]]).status_code == 422
    assert app.token(installation, permissions={"issues": "write"}).status_code == 422
    listed = app.ask("GET", "/installation/repositories", token).json()["repositories"]
    assert [one["full_name"] for one in listed] == [mine]
    heads = app.ask("GET", f"/repos/{mine}/git/matching-refs/heads/", token).json()
    assert [one["object"]["sha"] for one in heads] == [sha]
    assert app.ask("GET", f"/repos/{other}/git/matching-refs/heads/", token).status_code == 404
    check = {"name": "wistro", "head_sha": sha, "status": "queued"}
    assert app.ask("POST", f"/repos/{mine}/check-runs", token, json=check).status_code == 403


def test_an_expired_or_suspended_token_is_refused(github: GitHub) -> None:
    app, mine = an_app(github), a_repository(github)
    installation = github.install(app.id, "acme", [mine])
    token = app.token(installation).json()["token"]
    assert app.ask("GET", f"/repos/{mine}", token).status_code == 200

    github.suspend(installation)
    assert app.ask("GET", f"/repos/{mine}", token).status_code == 403
    assert app.token(installation).status_code == 403
    github.suspend(installation, undo=True)
    github.expire_tokens()

    assert app.ask("GET", f"/repos/{mine}", token).status_code == 401


def test_a_check_run_is_made_and_changed_by_its_app_alone(github: GitHub, app: AnApp) -> None:
    mine, other = a_repository(github), an_app(github)
    sha = github.push(mine, {"a": "1"})
    token = app.token(github.install(app.id, "acme", [mine])).json()["token"]
    theirs = app.github.install(other.id, "acme", [mine])
    path = f"/repos/{mine}/check-runs"
    queued = {"name": "wistro", "head_sha": sha, "status": "queued"}
    id = app.ask("POST", path, token, json=queued).json()["id"]
    done = {"status": "completed", "conclusion": "success"}

    assert app.ask("PATCH", f"{path}/{id}", token, json={"status": "completed"}).status_code == 422
    assert (
        other.ask(
            "PATCH", f"{path}/{id}", other.token(theirs).json()["token"], json=done
        ).status_code
        == 403
    )
    assert app.ask("PATCH", f"{path}/{id}", token, json=done).status_code == 200
    assert app.ask("POST", path, token, json=queued | {"head_sha": "0" * 40}).status_code == 422
    (seen,) = github.changes(sha)
    assert (seen["now"]["status"], seen["now"]["conclusion"]) == ("completed", "success")


def test_lists_are_paged(github: GitHub) -> None:
    app, mine = an_app(github), a_repository(github)
    sha = github.push(mine, {"a": "1"})
    for number in range(4):
        github.move(mine, f"b{number}", sha)
    token = app.token(github.install(app.id, "acme", [mine])).json()["token"]
    found, path = [], f"/repos/{mine}/git/matching-refs/heads/?per_page=2"

    while path:
        answer = app.ask("GET", path, token)
        found += [one["ref"] for one in answer.json()]
        path = answer.links.get("next", {}).get("url", "").partition("/api/v3")[2]

    assert found == [f"refs/heads/{name}" for name in ("b0", "b1", "b2", "b3", "main")]


def test_a_person_makes_installs_and_authorizes_an_app(github: GitHub) -> None:
    mine = a_repository(github)
    app = an_app(github)
    new = github.http.get(f"/apps/{app.slug}/installations/new", params={"state": "s1"})
    assert mine in new.text

    back = github.http.post(
        f"/apps/{app.slug}/installations", data={"account": "acme", "all": "on", "state": "s1"}
    )

    told = {
        name: one[0] for name, one in parse_qs(urlsplit(back.headers["location"]).query).items()
    }
    assert told["state"] == "s1" and told["setup_action"] == "install"
    secret = {"client_id": app.client_id, "client_secret": app.client_secret, "code": told["code"]}
    got = github.http.post("/login/oauth/access_token", data=secret).json()
    listed = app.ask("GET", "/user/installations", got["access_token"]).json()["installations"]
    assert [str(one["id"]) for one in listed] == [told["installation_id"]]
    again = github.http.post("/login/oauth/access_token", data=secret).json()
    assert again == {"error": "bad_verification_code"}


def test_a_user_sees_only_installations_on_their_accounts(github: GitHub, app: AnApp) -> None:
    github.install(app.id, "acme", [])
    github.user("mallory", ["mallory"])
    secret = {"client_id": app.client_id, "client_secret": app.client_secret}
    code = github.user_code(app.id, "mallory")
    token = github.http.post("/login/oauth/access_token", data=secret | {"code": code}).json()

    answer = app.ask("GET", "/user/installations", token["access_token"])

    assert answer.json()["installations"] == []


def fetched(github: GitHub, folder: Path, name: str, sha: str, token: str | None) -> str | None:
    """What git says when it cannot fetch this commit; None when it can."""
    folder.mkdir(exist_ok=True)
    env = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_TERMINAL_PROMPT": "0"}
    pair = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    header = ["-c", f"http.extraHeader=Authorization: Basic {pair}"] if token else []
    config = ["-c", f"http.sslCAInfo={github.ca}", *header]
    subprocess.run(["git", "init", "-q", str(folder)], env=env, check=True)
    fetch = ["fetch", "-q", "--depth", "1", f"{github.url}/{name}.git", sha]
    done = subprocess.run(
        ["git", *config, *fetch], cwd=folder, env=env, capture_output=True, text=True, timeout=60
    )
    return done.stderr if done.returncode else None


def test_git_fetches_an_exact_commit_with_a_token_that_has_it(
    github: GitHub, app: AnApp, tmp_path: Path
) -> None:
    mine, other, public = (a_repository(github, private=one) for one in (True, True, False))
    first = github.push(mine, {"a": "1"})
    github.push(mine, {"a": "2"})
    shown = github.push(public, {"a": "1"})
    installation = github.install(app.id, "acme", [mine, other])
    wish = {"repositories": [mine.split("/")[1]], "permissions": {"contents": "read"}}
    token = app.token(installation, **wish).json()["token"]
    foreign = app.token(installation, repositories=[other.split("/")[1]]).json()["token"]
    blind = app.token(installation, permissions={"checks": "write"}).json()["token"]

    assert fetched(github, tmp_path / "right", mine, first, token) is None
    assert fetched(github, tmp_path / "public", public, shown, None) is None
    for name, wrong in (("none", None), ("foreign", foreign), ("blind", blind), ("bad", "ghs_x")):
        assert fetched(github, tmp_path / name, mine, first, wrong), name
    github.expire_tokens()
    assert fetched(github, tmp_path / "old", mine, first, token)


@dataclass
class Heard:
    port: int
    said: list[tuple[dict[str, str], bytes]]


@pytest.fixture
def hook() -> Iterator[Heard]:
    said: list[tuple[dict[str, str], bytes]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            said.append(({name.lower(): text for name, text in self.headers.items()}, body))
            self.send_response(202)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield Heard(server.server_port, said)
    server.shutdown()
    server.server_close()
    thread.join(10)


def test_webhooks_are_signed_dropped_reordered_and_sent_again(github: GitHub, hook: Heard) -> None:
    app = an_app(github, hook=f"http://127.0.0.1:{hook.port}/hooks/github")
    mine = a_repository(github)
    github.install(app.id, "acme", [mine])
    github.drop_next()
    github.push(mine, {"a": "lost"})
    github.hold()
    second, third = (github.push(mine, {"a": text}) for text in ("2", "3"))
    github.hold(False)
    held = [one for one in github.sent("push") if one.fate == "held"]
    github.deliver(held[1].id, held[0].id, held[0].id)
    github.wait()

    told = [(one["x-github-event"], one["x-github-delivery"]) for one, _ in hook.said]
    assert [event for event, _ in told] == ["installation", "push", "push", "push"]
    assert [id for _, id in told[1:]] == [held[1].id, held[0].id, held[0].id]
    for headers, body in hook.said:
        right = hmac.digest(app.webhook_secret.encode(), body, hashlib.sha256).hex()
        assert headers["x-hub-signature-256"] == f"sha256={right}"
    assert [one.fate for one in github.sent("push")][-3:] == ["dropped", "sent", "sent"]
    assert third.encode() in hook.said[1][1] and second.encode() in hook.said[2][1]


def test_nobody_steers_it_without_its_token(github: GitHub) -> None:
    asking = github.http.post("/_control/expire_tokens", headers={"authorization": "Bearer x"})

    assert asking.status_code == 404
    assert github.http.post("/_control/expire_tokens").status_code == 401
