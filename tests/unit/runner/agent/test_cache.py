from __future__ import annotations

import asyncio
import random
from pathlib import Path

import msgspec
import pytest

from runner.agent import cache as cache_module
from runner.agent.cache import KEPT_UNUSED, BadBundle, Cache
from runner.hub import BlobDiffers, HubGone, HubRefused
from wistro.protocol.bundle import Bundle, BundledFile, Layer


class BlobHub:
    """`download` of runner.hub.Hub over a dict; `problems` are raised first, in turn."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.problems: list[Exception] = []

    async def download(self, sha256: str, to: Path) -> None:
        self.asked.append(sha256)
        if self.problems:
            raise self.problems.pop(0)
        if sha256 not in self.blobs:
            raise HubRefused(404, "blob", "no such blob")
        await asyncio.to_thread(to.write_bytes, self.blobs[sha256])

    def put(self, content: bytes) -> str:
        name = f"{random.Random(content).getrandbits(256):064x}"
        self.blobs[name] = content
        return name

    def file(self, path: str, content: bytes = b"x", mode: str = "644") -> BundledFile:
        return BundledFile(path, mode, self.put(content), len(content))

    def bundle(self, *files: BundledFile, layers: list[Layer] | None = None) -> str:
        return self.put(msgspec.json.encode(Bundle(list(files), layers or [])))

    def layer(self, *files: BundledFile, language: str = "python", at: str | None = None) -> Layer:
        return Layer("k", language, at or ".wistro/packages/python", self.bundle(*files))


@pytest.fixture
def hub() -> BlobHub:
    return BlobHub()


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    tmp_path.joinpath("data").mkdir(mode=0o700)
    return Cache(tmp_path / "data")


async def test_a_version_is_its_files_with_their_modes_links_and_layers(cache, hub):
    layer = hub.layer(hub.file("pkg/__init__.py", b"one"), hub.file("bin/run", b"two", "755"))
    files = [hub.file("a.py", b"code"), hub.file("sub/b.py", b"a.py", "link")]
    bundle = hub.bundle(*files, hub.file("go", b"two", "755"), layers=[layer])

    root = await cache.version(bundle, hub)

    assert (root / "a.py").read_bytes() == b"code"
    assert (root / "sub/b.py").readlink() == Path("a.py")
    packages = root / ".wistro/packages/python"
    assert (packages / "pkg/__init__.py").read_bytes() == b"one"
    modes = {path: (root / path).stat().st_mode & 0o777 for path in ("a.py", "go")}
    assert modes == {"a.py": 0o444, "go": 0o555}
    assert (packages / "bin/run").stat().st_ino == (root / "go").stat().st_ino
    assert cache.here(bundle) == root


async def test_what_is_here_is_not_asked_for_again_and_versions_share_blobs(cache, hub):
    shared = hub.file("a.py", b"shared")
    first, second = hub.bundle(shared), hub.bundle(shared, hub.file("b.py", b"more"))
    one = await cache.version(first, hub)
    hub.asked.clear()

    assert await cache.version(first, hub) == one
    two = await cache.version(second, hub)

    assert shared.sha256 not in hub.asked and len(hub.asked) == 2
    assert (one / "a.py").stat().st_ino == (two / "a.py").stat().st_ino


async def test_a_half_made_version_is_made_anew(tmp_path, cache, hub):
    bundle = hub.bundle(hub.file("a.py"))
    half = tmp_path / "data/versions" / f".making-{bundle}"
    half.mkdir()
    (half / "left").write_text("over")
    (tmp_path / "data/blobs/.abc.part").write_text("half")
    cache.forget_unfinished()

    root = await cache.version(bundle, hub)

    assert [one.name for one in root.iterdir()] == ["a.py"]
    assert not half.exists() and not (tmp_path / "data/blobs/.abc.part").exists()


async def test_after_a_boot_only_what_was_surely_on_disk_is_believed(tmp_path, cache, hub):
    """A power cut may keep a file's name and lose its bytes: the second version's were never put on disk."""
    cache.forget_unfinished()
    kept = await cache.version(hub.bundle(hub.file("a.py", b"one")), hub)
    torn = hub.file("b.py", b"two")
    (tmp_path / "data/blobs" / torn.sha256).write_bytes(b"")
    (tmp_path / "data/boot").write_text("the boot before")

    again = Cache(tmp_path / "data")
    again.forget_unfinished()
    hub.asked.clear()
    version = await again.version(hub.bundle(hub.file("a.py", b"one"), torn), hub)

    assert (version / "b.py").read_bytes() == b"two"
    assert (kept / "a.py").read_bytes() == b"one"
    assert hub.put(b"one") not in hub.asked


async def test_in_one_boot_what_was_fetched_stays(tmp_path, cache, hub):
    cache.forget_unfinished()
    fetched = hub.file("a.py", b"one")
    (tmp_path / "data/blobs" / fetched.sha256).write_bytes(b"one")

    again = Cache(tmp_path / "data")
    again.forget_unfinished()
    await again.version(hub.bundle(fetched), hub)

    assert fetched.sha256 not in hub.asked


async def test_a_version_has_its_name_only_once_it_is_on_disk(monkeypatch, cache, hub):
    def full(folder: Path) -> None:
        raise OSError(28, "No space left on device")

    bundle = hub.bundle(hub.file("a.py"))
    with monkeypatch.context() as patch:
        patch.setattr(cache_module, "_sync", full)
        with pytest.raises(OSError, match="No space"):
            await cache.version(bundle, hub)

    assert cache.here(bundle) is None
    assert (await cache.version(bundle, hub)).is_dir()


async def test_a_hub_that_is_gone_for_a_moment_is_asked_again(cache, hub):
    hub.problems = [HubGone("away"), BlobDiffers("torn")]

    assert (await cache.version(hub.bundle(hub.file("a.py")), hub)).is_dir()


@pytest.mark.parametrize(
    "path", ["../out", "/etc/passwd", "a/../../b", "a//b", ".git/config", "a\0b", ""]
)
async def test_a_path_that_leads_out_is_refused(cache, hub, path):
    with pytest.raises(BadBundle):
        await cache.version(hub.bundle(hub.file(path)), hub)


@pytest.mark.parametrize("target", [b"../../x", b"/etc/passwd", b"", b"a/../../../b"])
async def test_a_link_that_leads_out_is_refused(cache, hub, target):
    bundle = hub.bundle(hub.file("sub/link", target, "link"))

    with pytest.raises(BadBundle, match="links outside"):
        await cache.version(bundle, hub)
    assert cache.here(bundle) is None


@pytest.mark.parametrize(
    ("language", "at"), [("python", "src"), ("node", "../x"), ("ruby", "gems")]
)
async def test_a_layer_lies_where_its_language_has_it(cache, hub, language, at):
    layer = hub.layer(hub.file("a"), language=language, at=at)

    with pytest.raises(BadBundle, match="none of ours"):
        await cache.version(hub.bundle(layers=[layer]), hub)


async def test_what_is_no_bundle_or_no_sha256_is_refused(cache, hub):
    with pytest.raises(BadBundle, match="no list of files"):
        await cache.version(hub.put(b"not JSON"), hub)
    with pytest.raises(BadBundle, match="no sha256"):
        await cache.version("../../etc/passwd", hub)
    with pytest.raises(BadBundle, match="does not give blob"):
        await cache.version("0" * 64, hub)


async def test_trimming_keeps_what_is_used_and_the_latest_few(tmp_path, cache, hub):
    bundles = [hub.bundle(hub.file("a.py", b"%d" % number)) for number in range(KEPT_UNUSED + 3)]
    for bundle in bundles:
        await cache.version(bundle, hub)
    before = len(list((tmp_path / "data/blobs").iterdir()))

    gone = cache.trim({bundles[0]})

    left = {one.name for one in (tmp_path / "data/versions").iterdir()}
    assert gone == 2 and bundles[0] in left and len(left) == KEPT_UNUSED + 1
    assert left - {bundles[0]} == set(bundles[3:])
    assert len(list((tmp_path / "data/blobs").iterdir())) < before
    hub.asked.clear()
    assert (await cache.version(bundles[1], hub)).is_dir() and hub.asked
