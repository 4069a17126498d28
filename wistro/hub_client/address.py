"""The Hub's address: https, or plain http on this machine; compared and kept in one spelling."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from wistro.hub_client.errors import BadHubAddress

DEFAULT = "http://localhost:8000"


@dataclass(frozen=True)
class Address:
    is_secure: bool
    host: str
    port: int
    prefix: str  # "" or "/below"

    def __str__(self) -> str:
        usual = 443 if self.is_secure else 80
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == usual else f":{self.port}"
        return f"{'https' if self.is_secure else 'http'}://{host}{port}{self.prefix}"


def read(text: str) -> Address:
    """Raises BadHubAddress; `hub.example.com` alone is https."""
    written = text.strip() if "://" in text else f"https://{text.strip()}"
    try:
        parts = urlsplit(written)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise BadHubAddress(f"`{text}` is no address: {error}") from error
    if parts.scheme not in ("https", "http") or not host or parts.query or parts.fragment:
        raise BadHubAddress(f"`{text}` is no address of a Hub")
    if parts.username is not None:
        raise BadHubAddress("the Hub's address has a user or password in it")
    is_secure = parts.scheme == "https"
    if not is_secure and not is_this_machine(host):
        raise BadHubAddress(f"`{text}` would carry your token in the clear")
    return Address(is_secure, host, port or (443 if is_secure else 80), parts.path.rstrip("/"))


def is_this_machine(host: str) -> bool:
    return host in ("localhost", "::1") or host.endswith(".localhost") or host.startswith("127.")
