"""The sandbox's file system as bubblewrap arguments: /usr, the little of /etc that programs need, and what was bound.

Nothing of the host's /root, /home, /var, /run, /sys or /tmp; /proc and /dev are new; the root itself is read-only.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from wistro.hosts.port import Bind

_MERGED = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_ETC = (
    "alternatives",
    "ca-certificates",
    "crypto-policies",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "localtime",
    "mime.types",
    "pki/ca-trust",
    "pki/tls/certs",
    "services",
    "ssl/certs",
    "ssl/openssl.cnf",
)
_HIDDEN = (
    Path("/usr/etc"),
    Path("/usr/local/etc"),
)  # npm's global config may hold a registry's token
_SHARED_MEMORY_BYTES = 64 << 20

PASSWD = b"step:x:1000:1000:step:/tmp:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n"
GROUP = b"step:x:1000:\nnogroup:x:65534:\n"
NSSWITCH = b"passwd: files\ngroup: files\nhosts: files\nservices: files\nprotocols: files\n"


def arguments(binds: Iterable[Bind], *, tmp_bytes: int, new_proc: bool) -> list[str]:
    args = ["--ro-bind", "/usr", "/usr"]
    for name in _MERGED:
        path = Path("/", name)
        if path.is_symlink():
            args += ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir():
            args += ["--ro-bind", str(path), str(path)]
    for path in _HIDDEN:
        if path.is_dir() and not path.is_symlink():
            args += ["--tmpfs", str(path), "--remount-ro", str(path)]
    for name in _ETC:
        args += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    args += ["--proc", "/proc"] if new_proc else ["--ro-bind", "/proc", "/proc"]
    args += ["--dev", "/dev"]
    args += ["--size", str(_SHARED_MEMORY_BYTES), "--perms", "1777", "--tmpfs", "/dev/shm"]
    args += ["--remount-ro", "/dev"]
    args += ["--size", str(tmp_bytes), "--perms", "1777", "--tmpfs", "/tmp"]
    for bind in sorted(set(binds), key=lambda bind: (len(bind.at.parts), str(bind.at))):
        flag = "--bind" if bind.writable else "--ro-bind"
        args += [flag, str(bind.source), str(bind.at)]
    return args


def covers(binds: Iterable[Bind], path: Path) -> bool:
    """Is this folder inside one of the binds, or one that every sandbox has?"""
    roots = [bind.at for bind in binds] + [Path("/usr")]
    return path == Path("/tmp") or any(path.is_relative_to(root) for root in roots)
