"""Versions on this machine's disk: blobs by sha256, and a folder a version that is links to them.

A blob is fetched once and verified as it comes; a folder appears whole or not at all. Two versions with the same
file or the same layer share its bytes. What no assignment names any more is trimmed, the least lately used first.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import errno
import logging
import os
import random
import shutil
from collections.abc import Collection, Iterable
from pathlib import Path

import msgspec

from runner.builder import tree
from runner.hub import BlobDiffers, Hub, HubGone, HubRefused, backoff_s
from runner.paths import private_folder
from wistro.errors import UserError
from wistro.protocol.bundle import Bundle, BundledFile, Layer

log = logging.getLogger("runner.agent")
AT_ONCE = 8
TRIES = 6
KEPT_UNUSED = 8  # versions that nothing names: for a quick way back
BOOT = Path("/proc/sys/kernel/random/boot_id")
_libc = ctypes.CDLL(None, use_errno=True)
_LAYER_PLACES = {"python": ".wistro/packages/python", "node": "node_modules"}


class BadBundle(UserError):
    """A version's files could not be had, or are not what a build makes."""

    code = "agent.bundle"
    hint = "Deploy the version again; if it stays, build it anew by pushing."


class Cache:
    def __init__(self, data: Path) -> None:
        self._blobs = private_folder(data / "blobs")
        self._versions = private_folder(data / "versions")
        self._boot = data / "boot"
        self._fetching: dict[str, asyncio.Task[None]] = {}
        self._limit = asyncio.Semaphore(AT_ONCE)
        self._making: dict[str, asyncio.Lock] = {}

    def forget_unfinished(self) -> None:
        """Remove what a killed agent left half-done; call it before the first version is asked for."""
        for folder in self._versions.glob(".making-*"):
            shutil.rmtree(folder, ignore_errors=True)
        for part in self._blobs.glob(".*.part"):
            part.unlink(missing_ok=True)
        self._forget_unsynced()

    def _forget_unsynced(self) -> None:
        """After a boot: a power cut may have kept a blob's name and lost its bytes.

        Those in a version's folder were on disk before the folder had its name (`_lay_out`); the others are fetched again.
        """
        boot = BOOT.read_text()
        if self._boot.exists() and self._boot.read_text() == boot:
            return
        for blob in self._blobs.iterdir():
            if blob.stat().st_nlink == 1:
                blob.unlink()
        self._boot.write_text(boot)

    def here(self, bundle: str) -> Path | None:
        """The version's folder when it is whole on this disk."""
        folder = self._versions / bundle
        return folder if folder.is_dir() else None

    async def version(self, bundle: str, hub: Hub) -> Path:
        """The version's folder, made if need be. Raises BadBundle for good; HubGone, OSError for now."""
        async with self._making.setdefault(bundle, asyncio.Lock()):
            if (found := self.here(bundle)) is not None:
                await asyncio.to_thread(os.utime, found)
                return found
            manifest = await self._manifest(bundle, hub)
            places = {"": manifest.files}
            for layer in manifest.layers:
                places[_place(layer)] = (await self._manifest(layer.bundle, hub)).files
            for files in places.values():
                await self._bring({entry.sha256 for entry in files}, hub)
            await asyncio.to_thread(self._lay_out, bundle, places)
            return self._versions / bundle

    async def _manifest(self, sha256: str, hub: Hub) -> Bundle:
        await self._bring({sha256}, hub)
        content = await asyncio.to_thread((self._blobs / sha256).read_bytes)
        try:
            bundle = msgspec.json.decode(content, type=Bundle)
            tree.check(bundle.files)
        except msgspec.MsgspecError as error:
            raise BadBundle(f"bundle {sha256[:12]} is no list of files: {error}") from error
        except UserError as error:
            raise BadBundle(f"bundle {sha256[:12]}: {error.message}") from error
        return bundle

    async def _bring(self, sha256s: Iterable[str], hub: Hub) -> None:
        absent = [each for each in sorted(sha256s) if not (self._blobs / _checked(each)).exists()]
        async with _first_failure(), asyncio.TaskGroup() as group:
            for each in absent:
                group.create_task(self._once(each, hub))

    async def _once(self, sha256: str, hub: Hub) -> None:
        """Versions that are fetched together share blobs: each is asked for by one of them."""
        task = self._fetching.get(sha256)
        if task is None:
            task = self._fetching[sha256] = asyncio.create_task(self._download(sha256, hub))
            task.add_done_callback(lambda _: self._fetching.pop(sha256, None))
        await asyncio.shield(task)

    async def _download(self, sha256: str, hub: Hub) -> None:
        waits = backoff_s(jitter=random.Random())
        async with self._limit:
            for left in range(TRIES - 1, -1, -1):
                try:
                    return await hub.download(sha256, self._blobs / sha256)
                except HubRefused as refused:
                    why = f"the Hub does not give blob {sha256[:12]}: {refused}"
                    raise BadBundle(why) from refused
                except BlobDiffers as differs:
                    if not left:
                        raise BadBundle(str(differs)) from differs
                except HubGone:
                    if not left:
                        raise
                await asyncio.sleep(next(waits))

    def _lay_out(self, bundle: str, places: dict[str, list[BundledFile]]) -> None:
        making = self._versions / f".making-{bundle}"
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir()
        for place, files in places.items():
            root = making / place
            root.mkdir(parents=True, exist_ok=True)
            for entry in tree.check(files):
                self._put(entry, root)
        _sync(making)
        making.rename(self._versions / bundle)

    def _put(self, entry: BundledFile, root: Path) -> None:
        target = root / entry.path
        target.parent.mkdir(parents=True, exist_ok=True)
        if entry.mode == "link":
            text = (self._blobs / entry.sha256).read_text()
            if not tree.stays_inside(entry.path, text):
                raise BadBundle(f"`{entry.path}` links outside of its folder")
            target.symlink_to(text)
            return
        blob = self._with_mode(entry)
        try:
            os.link(blob, target)
        except FileExistsError:  # a project's own file wins over a layer's
            return
        except OSError as error:
            if error.errno not in (errno.EMLINK, errno.EXDEV, errno.EPERM):
                raise
            shutil.copyfile(blob, target)  # every package has its empty __init__.py: 65,000 at most
            target.chmod(blob.stat().st_mode)

    def _with_mode(self, entry: BundledFile) -> Path:
        """A mode is the inode's, so a program has a copy of its own; nobody writes through either."""
        blob = self._blobs / entry.sha256
        if entry.mode != "755":
            blob.chmod(0o444)
            return blob
        program = blob.with_name(f"{entry.sha256}.x")
        if not program.exists():
            fresh = blob.with_name(f".{entry.sha256}.x.part")
            shutil.copyfile(blob, fresh)
            fresh.chmod(0o555)
            fresh.replace(program)
        return program

    def trim(self, used: Collection[str]) -> int:
        """Remove versions that nothing names but the latest few, then the blobs that none holds; how many went."""
        if self._fetching or any(lock.locked() for lock in self._making.values()):
            return 0  # what is being put together looks unused
        unused = [
            one for one in self._versions.iterdir() if one.name not in used and one.name[0] != "."
        ]
        unused.sort(key=lambda folder: folder.stat().st_mtime_ns, reverse=True)
        gone = unused[KEPT_UNUSED:]
        for folder in gone:
            going = folder.with_name(f".making-{folder.name}")
            folder.rename(going)
            shutil.rmtree(going, ignore_errors=True)
        if gone:
            for blob in self._blobs.iterdir():
                if blob.stat().st_nlink == 1:
                    blob.unlink(missing_ok=True)
        return len(gone)


def _sync(folder: Path) -> None:
    """Put its whole file system on disk, once a version: of 3,000 files of 8 kB in 0.07 s, where an fsync each took 5 s."""
    at = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if _libc.syncfs(at):
            raise OSError(ctypes.get_errno(), "cannot put the version on disk", str(folder))
    finally:
        os.close(at)


def _place(layer: Layer) -> str:
    if layer.at != _LAYER_PLACES.get(layer.language):
        raise BadBundle(f"a {layer.language} layer at `{layer.at}` is none of ours")
    return layer.at


def _checked(sha256: str) -> str:
    if len(sha256) != 64 or set(sha256) - set("0123456789abcdef"):
        raise BadBundle(f"`{sha256[:80]}` is no sha256")
    return sha256


@contextlib.asynccontextmanager
async def _first_failure():
    try:
        yield
    except ExceptionGroup as found:
        raise found.exceptions[0] from None
