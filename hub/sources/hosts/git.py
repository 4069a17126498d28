"""Any git URL: its refs by git's protocol over https (gitprotocol-v2, `ls-refs`), as `git ls-remote` reads them.

A server that answers in the old protocol is understood too. No credentials: the repository is readable by anyone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from hub.common import safe_http
from hub.common.safe_http import Answer, AnswerTooLarge, Unreachable
from hub.sources.hosts.port import About, HostAway, NoAccess, Refs
from wistro.protocol.machine import GitSource

MOST_BYTES = 8 << 20
PREFIX = "refs/heads/"
SERVICE = "git-upload-pack"
_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True)
class GitHost:
    url: str

    @property
    def site(self) -> str:
        return self.url

    def refs(self) -> Refs:
        answer = self._ask("GET", f"{self.url.rstrip('/')}/info/refs?service={SERVICE}")
        packets = _packets(answer)
        if any(line == "version 2" for line in packets):
            at = answer.url.partition("/info/refs")[0]
            packets = _packets(self._ask("POST", f"{at}/{SERVICE}", _ls_refs(packets)))
            return _read_v2(packets)
        return _read_v0(packets)

    def _ask(self, method: str, url: str, body: bytes | None = None) -> Answer:
        headers = {"git-protocol": "version=2", "accept": "*/*"}
        if body is not None:
            headers["content-type"] = f"application/x-{SERVICE}-request"
        try:
            answer = safe_http.ask(
                method, url, headers=headers, body=body, redirects=3, most_bytes=MOST_BYTES
            )
        except Unreachable as error:
            raise HostAway(error.message, hint=error.hint) from error
        except AnswerTooLarge as error:
            raise NoAccess("The repository has too many branches to be read") from error
        if answer.status >= 500 or answer.status == 429:
            raise HostAway(f"{safe_http.host_of(url)} answered {answer.status}")
        if not answer.is_ok:
            raise NoAccess(
                f"{safe_http.host_of(url)} has no such repository that anyone may read ({answer.status})"
            )
        return answer

    def about(self, sha: str) -> About:
        return About()  # git tells nothing of a commit without giving it

    def order(self, sha: str, branch: str) -> GitSource:
        return GitSource(url=self.url, commit=sha, ref=f"{PREFIX}{branch}")


def _packets(answer: Answer) -> list[str]:
    """The lines of a pkt-line stream; flush and delimiter packets are left out."""
    data, at, lines = answer.body, 0, []
    while at < len(data):
        try:
            size = int(data[at : at + 4], 16)
        except ValueError:
            raise NoAccess(
                f"{safe_http.host_of(answer.url)} does not speak git's protocol there"
            ) from None
        if size == 3 or at + size > len(data):
            raise NoAccess(f"{safe_http.host_of(answer.url)} does not speak git's protocol there")
        if size > 4:
            lines.append(data[at + 4 : at + size].decode(errors="replace").rstrip("\n"))
        at += max(size, 4)
    if lines and lines[0].startswith("ERR "):
        raise NoAccess(f"{safe_http.host_of(answer.url)} says: {lines[0][4:200]}")
    return lines


def _ls_refs(capabilities: list[str]) -> bytes:
    offered = next((one for one in capabilities if one.startswith("ls-refs")), "")
    arguments = ["symrefs", "ref-prefix HEAD", f"ref-prefix {PREFIX}"]
    if "unborn" in offered:
        arguments.append("unborn")
    if any(one == "object-format=sha256" for one in capabilities):
        head = _line("command=ls-refs\n") + _line("object-format=sha256\n")
    else:
        head = _line("command=ls-refs\n")
    return head + b"0001" + b"".join(_line(f"{one}\n") for one in arguments) + b"0000"


def _line(text: str) -> bytes:
    return f"{len(text.encode()) + 4:04x}{text}".encode()


def _read_v2(lines: list[str]) -> Refs:
    heads, default = {}, ""
    for line in lines:
        sha, _, rest = line.partition(" ")
        name, _, more = rest.partition(" ")
        target = next((one[14:] for one in more.split(" ") if one.startswith("symref-target:")), "")
        if name == "HEAD":
            default = target.removeprefix(PREFIX)
        elif name.startswith(PREFIX) and _SHA.fullmatch(sha):
            heads[name.removeprefix(PREFIX)] = sha
    return Refs.read(heads, default)


def _read_v0(lines: list[str]) -> Refs:
    heads, default = {}, ""
    for line in lines:
        named, _, capabilities = line.partition("\0")
        for one in capabilities.split(" "):
            if one.startswith("symref=HEAD:"):
                default = one.removeprefix("symref=HEAD:").removeprefix(PREFIX)
        sha, _, name = named.partition(" ")
        if name.startswith(PREFIX) and _SHA.fullmatch(sha):
            heads[name.removeprefix(PREFIX)] = sha
    return Refs.read(heads, default)
