"""Blobs: bytes by their sha256 under WISTRO_BLOBS, shared by hash; who may read one is a row a project.

A project that names a hash without having sent its bytes is told `missing`, whoever else has it.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

import msgspec

from hub.common.api import limits
from hub.common.api.errors import Invalid, TooLarge
from hub.common.settings import SETTINGS
from hub.deployments.models import Blob
from hub.projects.models import Project
from wistro.protocol.bundle import Bundle

MOST_ASKED = 10_000
BUNDLE_MOST = 16 * 1024 * 1024
CHUNK = 1024 * 1024
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Readable(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


class WrongHash(Invalid):
    """The bytes are not what their address says."""

    code = "blob.differs"
    hint = "Send the file again; it may have changed while it was read."


class BadBundle(Invalid):
    """A bundle that cannot be read, or whose blobs are not all there."""

    code = "deploy.bundle"
    hint = "Deploy again; if it stays, a file may have changed while it was read."


def path_of(sha256: str) -> Path:
    checked([sha256])
    return SETTINGS.blobs / sha256[:2] / sha256[2:]


def checked(hashes: Iterable[str]) -> list[str]:
    found = list(hashes)
    if len(found) > MOST_ASKED:
        raise TooLarge(f"At most {MOST_ASKED} blobs are asked for at once")
    if any(not isinstance(one, str) or not _SHA256.fullmatch(one) for one in found):
        raise Invalid("A blob's address is 64 hexadecimal digits", fields={"sha256": "unreadable"})
    return found


def missing(project: Project, hashes: Iterable[str]) -> list[str]:
    """Those that the project has not sent, each once, in the order asked."""
    asked = list(dict.fromkeys(checked(hashes)))
    have = Blob.objects.filter(project=project, sha256__in=asked).values_list("sha256", flat=True)
    known = set(have)
    return [one for one in asked if one not in known]


def keep(sha256: str, stream: Readable) -> int:
    """The bytes on disk under their address, whole or not at all; their size. Raises WrongHash, TooLarge."""
    path = path_of(sha256)
    path.parent.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".part-", delete=False) as file:
        try:
            while chunk := stream.read(CHUNK):
                size += len(chunk)
                if size > limits.BLOB:
                    raise TooLarge(f"A blob is at most {limits.shown(limits.BLOB)}")
                digest.update(chunk)
                file.write(chunk)
            if digest.hexdigest() != sha256:
                raise WrongHash(f"The bytes sent for {sha256} are {digest.hexdigest()}")
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).replace(path)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise
    return size


def list_for(project: Project, sha256: str, size: int) -> None:
    Blob.objects.bulk_create(
        [Blob(project=project, sha256=sha256, size=size)], ignore_conflicts=True
    )


def absent(hashes: Iterable[str]) -> list[str]:
    """Those whose bytes we do not have at all: what a builder, which is ours, has to send."""
    return [one for one in dict.fromkeys(checked(hashes)) if not path_of(one).exists()]


def read_bundle(sha256: str) -> Bundle:
    """Raises BadBundle."""
    path = path_of(sha256)
    try:
        if path.stat().st_size > BUNDLE_MOST:
            raise BadBundle("The bundle's list of files is over 16 MiB")
        return msgspec.json.decode(path.read_bytes(), type=Bundle)
    except FileNotFoundError:
        raise BadBundle("The bundle was not sent") from None
    except msgspec.MsgspecError as error:
        raise BadBundle(f"The bundle is unreadable: {error}") from None


def list_bundle(project: Project, sha256: str) -> None:
    """Let the project read all of a bundle that a builder made for it, layers too. Raises BadBundle.

    A builder's blobs become a project's only here, by name, since one builder works for several tenants at once.
    """
    sizes, bundles = {sha256: 0}, [sha256]
    while bundles:
        bundle = read_bundle(bundles.pop())
        sizes |= {one.sha256: one.size for one in bundle.files}
        bundles += [one.bundle for one in bundle.layers if one.bundle not in sizes]
        sizes |= dict.fromkeys((one.bundle for one in bundle.layers), 0)
    for start in range(0, len(names := list(sizes)), MOST_ASKED):
        some = names[start : start + MOST_ASKED]
        if lacking := absent(some):
            raise BadBundle(f"{len(lacking)} of the bundle's blobs were not sent")
        Blob.objects.bulk_create(
            [Blob(project=project, sha256=one, size=sizes[one]) for one in some],
            ignore_conflicts=True,
            batch_size=1000,
        )
