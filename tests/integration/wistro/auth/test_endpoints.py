"""`wistro start` in front of an identity provider of its own: tokens, passwords, and what the step learns of them."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

from joserfc import jwt
from joserfc.jwk import ECKey

from infra.ports import free_ports
from tests.integration.wistro.running import a_project, ask, run, wistro

KEY = ECKey.generate_key("P-256", {"kid": "k1"}, private=True)
STEP = """
config = {
    "type": "api", "name": "Who", "method": "GET", "path": "/who",
    "auth": [
        {"type": "oidc", "issuer": "ISSUER", "audience": "orders", "claims": {"role": "admin"}},
        {"type": "basic", "users": {"ada": "$PASSWORD"}},
    ],
}


def handler(req, ctx):
    return {"status": 200, "body": {"type": ctx.auth["type"], "who": ctx.auth.get("sub") or ctx.auth.get("user")}}
"""


@contextlib.asynccontextmanager
async def a_provider(port: int) -> AsyncIterator[str]:
    issuer = f"http://localhost:{port}"
    answers = {
        "/.well-known/openid-configuration": {"issuer": issuer, "jwks_uri": f"{issuer}/keys"},
        "/keys": {"keys": [KEY.as_dict(private=False)]},
    }

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1].decode()
        body = json.dumps(answers[path]).encode()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, ["127.0.0.1"], port):
        yield issuer


def bearer(issuer: str, **change: object) -> dict[str, str]:
    claims = {
        "iss": issuer,
        "aud": "orders",
        "sub": "bob",
        "role": "admin",
        "exp": time.time() + 60,
    }
    sent = jwt.encode({"alg": "ES256", "kid": "k1"}, claims | change, KEY)
    return {"authorization": f"Bearer {sent}"}


async def test_any_of_a_token_and_a_password_lets_in_and_the_step_knows_who(tmp_path: Path) -> None:
    provider_port, port = free_ports(2)
    async with a_provider(provider_port) as issuer:
        a_project(
            tmp_path,
            {"src/who.step.py": STEP.replace("ISSUER", issuer), "wistro.yml": "env: [PASSWORD]\n"},
        )
        code, said = await run("lock", folder=tmp_path)
        assert code == 0, said
        env = {"PASSWORD": "secret-enough", "PATH": os.environ["PATH"]}
        async with wistro("start", "--port", str(port), folder=tmp_path, env=env) as started:
            await started.line("serving")
            basic = base64.b64encode(b"ada:secret-enough").decode()
            answers = {
                name: await ask(port, "GET", "/who", headers=headers)
                for name, headers in {
                    "token": bearer(issuer),
                    "password": {"authorization": f"Basic {basic}"},
                    "wrong role": bearer(issuer, role="user"),
                    "wrong audience": bearer(issuer, aud="shop"),
                    "nothing": {},
                }.items()
            }
            await started.line("claim role: got user, want admin")
            await started.line("audience: got shop, want orders")

    assert answers["token"].json == {"type": "oidc", "who": "bob"}
    assert answers["password"].json == {"type": "basic", "who": "ada"}
    refused = [answers[name] for name in ("wrong role", "wrong audience", "nothing")]
    assert [one.status for one in refused] == [401, 401, 401]
    assert len({one.body for one in refused}) == 1 and b"role" not in refused[0].body


async def test_a_provider_that_is_away_asks_callers_to_come_again(tmp_path: Path) -> None:
    nobody, port = free_ports(2)
    issuer = f"http://localhost:{nobody}"
    a_project(
        tmp_path,
        {"src/who.step.py": STEP.replace("ISSUER", issuer), "wistro.yml": "env: [PASSWORD]\n"},
    )
    assert (await run("lock", folder=tmp_path))[0] == 0
    env = {"PASSWORD": "secret-enough", "PATH": os.environ["PATH"]}
    async with wistro("start", "--port", str(port), folder=tmp_path, env=env) as started:
        await started.line("serving")
        answer = await ask(port, "GET", "/who", headers=bearer(issuer))

    assert (answer.status, answer.code) == (503, "call.unverifiable")
    assert "retry-after" in answer.headers
