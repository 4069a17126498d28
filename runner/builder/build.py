"""One build, from its order to its result: fetching, installing, compiling, uploading."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from dataclasses import dataclass
from pathlib import Path

import msgspec

from runner.builder import git, go, problems, tools, tree
from runner.builder.compile import PROJECT, CompileProblems, compile_project
from runner.builder.indexes import Indexes
from runner.builder.install import Installed, Installer
from runner.builder.log import BuildLog, Cancelled
from runner.builder.store import Store, read_bundle, upload
from runner.hub import BlobDiffers, Hub, HubGone, HubRefused
from runner.sandbox import SandboxLauncher
from wistro.errors import UserError
from wistro.hosts.port import LaunchFailed
from wistro.lock.model import Lock
from wistro.protocol.bundle import Bundle, Layer
from wistro.protocol.machine import BuildOrder, BuildResult, Problem, UploadSource
from wistro.protocol.routing import Endpoint

log = logging.getLogger("runner.builder")


@dataclass(frozen=True)
class Shop:
    """What every build of this process shares."""

    hub: Hub
    store: Store
    launcher: SandboxLauncher
    indexes: Indexes


async def build(order: BuildOrder, shop: Shop) -> BuildResult:
    """Work the order off. Raises LeaseLost when it is no longer ours; nothing of it is left on this disk."""
    token = order.git.token if order.git else None
    said = BuildLog(
        order, shop.hub, now_us=lambda: time.time_ns() // 1000, secrets=[token] if token else []
    )
    with shop.store.work(order.build_id[:8]) as work:
        doing = asyncio.create_task(_Build(order, shop, said, work).run())
        sending = asyncio.create_task(said.send_for_ever())
        try:
            await asyncio.wait({doing, sending}, return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                sending.result()  # raises Cancelled or LeaseLost
            result = await doing
        except Cancelled:
            result = BuildResult(order.attempt, "cancelled")
        finally:
            for task in (doing, sending):
                task.cancel()
            await asyncio.gather(doing, sending, return_exceptions=True)
    return msgspec.structs.replace(result, lines=said.rest())


@dataclass(frozen=True)
class _Build:
    order: BuildOrder
    shop: Shop
    log: BuildLog
    work: Path

    async def run(self) -> BuildResult:
        try:
            return await self._stages()
        except CompileProblems as found:
            return self._failed(found.problems)
        except UserError as error:
            return self._failed([problems.as_problem(error)])
        except (LaunchFailed, OSError, BlobDiffers, HubGone, HubRefused) as error:
            log.exception("build %s", self.order.build_id)
            hint = "This is ours, not yours: push again, and tell us if it stays."
            return self._failed([Problem("build.ours", f"the builder failed: {error}", hint=hint)])

    async def _stages(self) -> BuildResult:
        self.log.enter("fetching")
        project = await self._fetch()
        self.log.enter("installing")
        installer = Installer(
            self.shop.store,
            self.shop.launcher,
            self.shop.indexes,
            self.order.organization_id,
            self.log.say,
        )
        layers = await installer.install(project, self.work)
        esbuild = await tools.for_project(project, self.shop.store)
        self.log.enter("compiling")
        compiled = await compile_project(
            project,
            layers,
            launcher=self.shop.launcher,
            esbuild=esbuild,
            go=self._go(project),
            on_line=self.log.say,
        )
        self.log.say(describe(compiled.lock))
        self.log.enter("uploading")
        bundle = await self._upload(project, layers)
        return BuildResult(
            self.order.attempt,
            "ready",
            lock=compiled.text,
            bundle=bundle,
            endpoints=endpoints(compiled.lock),
        )

    def _go(self, project: Path) -> go.Compiling | None:
        found = go.for_project(project)
        if found is None:
            return None
        return go.compiling(found, self.shop.store, self.order.organization_id, PROJECT)

    async def _fetch(self) -> Path:
        into = self.work / "source"
        into.mkdir()
        if self.order.git is not None:
            source = self.order.git
            self.log.say(f"fetching {source.commit[:12]} from {git.place(source.url).url}")
            return await git.fetch(
                source,
                into,
                launcher=self.shop.launcher,
                ca=self.shop.indexes.ca,
                on_line=self.log.say,
            )
        if self.order.upload is not None:
            return await self._unpack(self.order.upload, into)
        raise problems.SourceDiffers("the order names no source")

    async def _unpack(self, source: UploadSource, into: Path) -> Path:
        store, hub = self.shop.store, self.shop.hub
        await store.download([source.bundle], hub)
        try:
            files = read_bundle(store.blob(source.bundle)).files
        except msgspec.MsgspecError as error:
            raise problems.SourceDiffers(
                f"the uploaded list of files is damaged: {error}"
            ) from error
        tree.check(files)
        await store.download([entry.sha256 for entry in files], hub)
        await asyncio.to_thread(tree.lay_out, files, into, blob=store.blob)
        self.log.say(f"{len(files)} files, {sum(entry.size for entry in files) / 1024:.0f} KiB")
        return into

    async def _upload(self, project: Path, layers: list[Installed]) -> str:
        layers = [each for each in layers if not each.only_compiles]
        source = await asyncio.to_thread(tree.collect, project, keep=tree.project_part)
        found: list[Layer] = [each.layer for each in layers]
        manifest = msgspec.json.encode(Bundle(source.files, found))
        name = hashlib.sha256(manifest).hexdigest()
        contents = dict(source.path_by_sha256)
        for each in layers:
            contents |= each.tree.path_by_sha256
            contents[each.layer.bundle] = each.bundle
        contents[name] = manifest
        blobs, size = await upload(contents, self.shop.hub)
        self.log.say(f"uploaded {blobs} of {len(contents)} blobs, {size / 1024:.0f} KiB")
        return name

    def _failed(self, found: list[Problem]) -> BuildResult:
        for problem in found:
            place = f" ({problem.where})" if problem.where else ""
            self.log.say(f"error: {problem.message}{place}  {problem.code}")
        return BuildResult(self.order.attempt, "failed", problems=found)


def endpoints(lock: Lock) -> list[dict[str, object]]:
    """What gateways need of a version: routing.Endpoint, its `$NAME`s unresolved."""
    return [
        msgspec.to_builtins(Endpoint(each.method, each.path, each.step, each.auth))
        for each in lock.triggers.api
    ]


def describe(lock: Lock) -> str:
    """`compiled 14 steps, 9 topics, 3 flows`."""
    counts = {"step": len(lock.steps), "topic": len(lock.topics), "flow": len(lock.flows)}
    words = [f"{count} {word}{'' if count == 1 else 's'}" for word, count in counts.items()]
    return f"compiled {', '.join(words)}"
