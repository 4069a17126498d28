"""git over https, by git's own http-backend; a private repository wants a token that has it."""

from __future__ import annotations

import os
import subprocess

from tests.doubles.github import tokens
from tests.doubles.github.server import Asked, Refused, Said, route
from tests.doubles.github.state import Repository, State

READS = ("info/refs", "git-upload-pack")


@route("GET", "/{owner}/{name}/{rest*}", unlocked=True)
@route("POST", "/{owner}/{name}/{rest*}", unlocked=True)
def serve(state: State, asked: Asked) -> Said:
    rest = asked.at["rest"]
    if rest not in (*READS, "git-receive-pack"):
        raise Refused(404, "Not Found")
    if rest not in READS or asked.query.get("service", "git-upload-pack") != "git-upload-pack":
        raise Refused(403, "Write access to repository not granted.")
    with state.lock:
        found = _repository(state, asked)
    env = {
        "PATH": os.environ["PATH"],
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_PROJECT_ROOT": str(state.folder),
        "GIT_HTTP_EXPORT_ALL": "1",
        "PATH_INFO": f"/{found.id}.git/{rest}",
        "QUERY_STRING": "&".join(f"{name}={value}" for name, value in asked.query.items()),
        "REQUEST_METHOD": asked.method,
        "CONTENT_TYPE": asked.headers.get("content-type") or "",
        "CONTENT_LENGTH": str(len(asked.body)),
        "HTTP_CONTENT_ENCODING": asked.headers.get("content-encoding") or "",
        "GIT_PROTOCOL": asked.headers.get("git-protocol") or "",
        "GIT_CONFIG_COUNT": "2",
        "GIT_CONFIG_KEY_0": "uploadpack.allowReachableSHA1InWant",
        "GIT_CONFIG_VALUE_0": "true",
        "GIT_CONFIG_KEY_1": "safe.directory",
        "GIT_CONFIG_VALUE_1": "*",
    }
    done = subprocess.run(
        ["git", "http-backend"], input=asked.body, env=env, capture_output=True, timeout=60
    )
    head, _, content = done.stdout.partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if line)
    status = int(headers.pop("Status", "200").split()[0])
    return Said(status, content, headers)


def _repository(state: State, asked: Asked) -> Repository:
    name = f"{asked.at['owner']}/{asked.at['name'].removesuffix('.git')}"
    found = state.called(name)
    text = tokens.basic(asked)
    if text is None:
        if found is not None and not found.private:
            return found
        raise Refused(401, "Repository not found.", www_authenticate='Basic realm="GitHub"')
    token, installation = tokens.live(state, text)
    if found is None or not tokens.sees(state, token, installation, found):
        raise Refused(404, "Repository not found.")
    if "contents" not in token.permissions:
        raise Refused(403, "Write access to repository not granted.")
    return found
