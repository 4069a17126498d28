"""A git host on loopback: real `git http-backend` behind HTTP, asking for a token."""

from __future__ import annotations

import base64
import http.server
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

TOKEN = "short-lived-token"


@dataclass
class GitHost:
    """Repositories below `root`; `asked` holds each request's path and authorization."""

    root: Path
    port: int = 0
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    redirect_to: str | None = None

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.port}/{name}.git"

    def commit(
        self, name: str, files: dict[str, str], *, links: dict[str, str] | None = None
    ) -> str:
        """One more commit on main with these files; its id."""
        work = self.root / f"{name}.work"
        bare = self.root / f"{name}.git"
        if not bare.exists():
            git(self.root, "init", "--quiet", "--bare", "-b", "main", str(bare))
            git(self.root, "init", "--quiet", "-b", "main", str(work))
        for path, text in files.items():
            (work / path).parent.mkdir(parents=True, exist_ok=True)
            (work / path).write_text(text)
        for path, target in (links or {}).items():
            (work / path).symlink_to(target)
        git(work, "add", "--all")
        git(work, "commit", "--quiet", "--allow-empty", "-m", "A change")
        git(work, "push", "--quiet", "--force", str(bare), "main")
        return git(work, "rev-parse", "HEAD")


def git(folder: Path, *arguments: str) -> str:
    identity = {
        f"GIT_{who}_{what}": value
        for who in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", "Ada"), ("EMAIL", "ada@example.com"))
    }
    env = {"PATH": os.environ["PATH"], "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null"}
    done = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env=env | identity,
        capture_output=True,
        check=True,
        text=True,
    )
    return done.stdout.strip()


def serve(host: GitHost) -> http.server.ThreadingHTTPServer:
    expected = f"Basic {base64.b64encode(f'x-access-token:{TOKEN}'.encode()).decode()}"

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._serve(b"")

        def do_POST(self) -> None:
            body = b""
            if self.headers.get("transfer-encoding") == "chunked":
                while size := int(self.rfile.readline(), 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
            else:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
            self._serve(body)

        def _serve(self, body: bytes) -> None:
            given = self.headers.get("authorization")
            host.asked.append((self.path, given))
            if host.redirect_to is not None:
                return self._say(302, {"location": host.redirect_to + self.path}, b"")
            if given != expected:
                return self._say(401, {"www-authenticate": 'Basic realm="git"'}, b"")
            path, _, query = self.path.partition("?")
            env = {
                "PATH": os.environ["PATH"],
                "GIT_PROJECT_ROOT": str(host.root),
                "GIT_HTTP_EXPORT_ALL": "1",
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "REQUEST_METHOD": self.command,
                "CONTENT_TYPE": self.headers.get("content-type", ""),
                "CONTENT_LENGTH": str(len(body)),
                "HTTP_CONTENT_ENCODING": self.headers.get("content-encoding", ""),
                "GIT_PROTOCOL": self.headers.get("git-protocol", ""),
                "REMOTE_USER": "x",
                "GIT_CONFIG_COUNT": "2",
                "GIT_CONFIG_KEY_0": "uploadpack.allowReachableSHA1InWant",
                "GIT_CONFIG_VALUE_0": "true",
                "GIT_CONFIG_KEY_1": "safe.directory",
                "GIT_CONFIG_VALUE_1": "*",
            }
            done = subprocess.run(["git", "http-backend"], input=body, env=env, capture_output=True)
            head, _, content = done.stdout.partition(b"\r\n\r\n")
            headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if line)
            status = int(headers.pop("Status", "200").split()[0])
            self._say(status, headers, content)

        def _say(self, status: int, headers: dict[str, str], content: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                if name.lower() != "content-length":
                    self.send_header(name, value)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    host.port = server.server_port
    return server
