"""Large messages and blobs through an engine: kept beside the store, whole again at whoever hears."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.factories.engine import Running, StepContext, a_call, a_lock, a_step, an_engine
from wistro.engine.limits import Limits
from wistro.protocol import blobs as blob
from wistro.protocol.frames import BlobPut

LARGE = {"text": "ü" * 300_000}


async def two_steps(
    folder: Path, first: Any, *, limits: Limits | None = None
) -> tuple[Running, list[Any]]:
    """`first` emits `made`, which is heard and kept in the list."""
    heard: list[Any] = []

    async def hear(message: Any, ctx: StepContext) -> None:
        image = message.get("image") if isinstance(message, dict) else None
        heard.append(message if image is None else await ctx.get_blob(image["blob"]))

    steps = {
        "first": a_step("api", method="POST", path="/first", emits=["made"]),
        "hear": a_step(subscribes=["made"]),
    }
    running = await an_engine(folder, a_lock(steps), {"first": first, "hear": hear}, limits=limits)
    return running, heard


def uploads(folder: Path) -> list[Path]:
    return list((folder / "blobs" / "uploads").iterdir())


async def test_a_large_message_is_a_reference_in_the_store_and_whole_at_its_step(
    tmp_path: Path,
) -> None:
    async def first(request: Any, ctx: StepContext) -> None:
        await ctx.emit_and_wait("made", LARGE)

    running, heard = await two_steps(tmp_path, first)
    await running.engine.call(a_call("/first"))
    await running.quiet()
    await running.engine.close()

    [told] = [one for one in running.sink.of_kind("attempt") if one["step"] == "hear"]
    assert heard == [LARGE]
    assert set(told["input"]) == {"$large"} and told["input"]["$large"]["size"] == len(
        json.dumps(LARGE, ensure_ascii=False, separators=(",", ":")).encode()
    )


async def test_a_message_beyond_all_limits_is_refused_at_the_emit(tmp_path: Path) -> None:
    async def first(request: Any, ctx: StepContext) -> None:
        ctx.emit("made", LARGE)

    running, _ = await two_steps(tmp_path, first, limits=Limits(large_message_bytes=1_000))
    await running.engine.call(a_call("/first"))
    await running.engine.close()

    [told] = running.sink.of_kind("attempt")
    assert told["error"]["type"] == "Refused" and "600,0" in told["error"]["message"]


async def test_a_forged_reference_to_nothing_fails_its_attempt(tmp_path: Path) -> None:
    async def first(request: Any, ctx: StepContext) -> None:
        await ctx.emit_and_wait("made", {"$large": blob.reference("0" * 64, 5)})

    running, heard = await two_steps(tmp_path, first)
    answer = await running.engine.call(a_call("/first"))
    await running.quiet()
    await running.engine.close()

    assert (answer.status, heard) == (500, [])


async def test_what_looks_like_a_reference_arrives_as_it_was(tmp_path: Path) -> None:
    async def first(request: Any, ctx: StepContext) -> None:
        await ctx.emit_and_wait("made", {"$large": {"blob": "of ours", "size": 5}})

    running, heard = await two_steps(tmp_path, first)
    await running.engine.call(a_call("/first"))
    await running.quiet()
    await running.engine.close()

    assert heard == [{"$large": {"blob": "of ours", "size": 5}}]


async def test_bytes_travel_by_reference_to_whoever_hears(tmp_path: Path) -> None:
    async def first(request: Any, ctx: StepContext) -> None:
        await ctx.emit_and_wait("made", {"image": await ctx.put_blob(b"\0\xff", b"rest")})

    running, heard = await two_steps(tmp_path, first)
    call = a_call("/first")
    await running.engine.call(call)
    await running.quiet()

    assert heard == [b"\0\xffrest"]
    assert [one.run_id for one in await running.engine.blobs.runs()] == [str(call.run_id)]
    assert uploads(tmp_path) == []
    await running.engine.close()


async def test_a_reference_to_nothing_is_refused_with_its_place(tmp_path: Path) -> None:
    seen: list[Any] = []

    async def first(request: Any, ctx: StepContext) -> None:
        try:
            await ctx.emit_and_wait("made", {"a/b": [1, blob.reference("0" * 64, 5)]})
        except Exception as error:
            seen.append(error.refusal)  # type: ignore[attr-defined]

    running, heard = await two_steps(tmp_path, first)
    await running.engine.call(a_call("/first"))
    await running.quiet()
    await running.engine.close()

    assert [(one.code, one.path) for one in seen] == [("blob.unknown", "/a~1b/1")]
    assert heard == []


async def test_a_reference_from_another_run_is_kept_for_this_one_too(tmp_path: Path) -> None:
    refs: list[dict[str, Any]] = []

    async def first(request: Any, ctx: StepContext) -> None:
        if not refs:
            refs.append(await ctx.put_blob(b"shared"))
        await ctx.emit_and_wait("made", {"image": refs[0]})

    running, heard = await two_steps(tmp_path, first)
    calls = [a_call("/first"), a_call("/first")]
    for call in calls:
        await running.engine.call(call)
    await running.quiet()

    assert heard == [b"shared", b"shared"]
    assert {one.run_id for one in await running.engine.blobs.runs()} == {
        str(one.run_id) for one in calls
    }
    await running.engine.close()


async def test_what_an_attempt_did_not_finish_is_dropped_with_it(tmp_path: Path) -> None:
    async def first(request: Any, ctx: StepContext) -> None:
        await ctx.put_blob(b"whole")
        await ctx.asks.blob_put(BlobPut(0, 0, 2, "AAAA"))
        assert len(uploads(tmp_path)) == 1
        raise ValueError("half-way")

    running, _ = await two_steps(tmp_path, first)
    await running.engine.call(a_call("/first"))

    assert uploads(tmp_path) == []
    await running.engine.close()


@pytest.mark.parametrize(
    ("limits", "code"),
    [(Limits(blob_bytes=5), "blob.too-large"), (Limits(uploads=0), "blob.too-many")],
)
async def test_a_blob_has_its_limits(tmp_path: Path, limits: Limits, code: str) -> None:
    codes: list[str] = []

    async def first(request: Any, ctx: StepContext) -> None:
        try:
            await ctx.put_blob(b"123", b"456")
        except Exception as error:
            codes.append(error.refusal.code)  # type: ignore[attr-defined]

    running, _ = await two_steps(tmp_path, first, limits=limits)
    await running.engine.call(a_call("/first"))

    assert codes == [code]
    assert uploads(tmp_path) == []
    await running.engine.close()


async def test_a_message_whose_content_is_gone_is_a_dead_letter_at_once(tmp_path: Path) -> None:
    async def first(request: Any, ctx: StepContext) -> None:
        await ctx.emit_and_wait("made", LARGE)
        for content in (tmp_path / "blobs" / "content").glob("*/*"):
            content.unlink()

    running, heard = await two_steps(tmp_path, first)
    await running.engine.call(a_call("/first"))
    await running.quiet()
    await running.engine.close()

    [told] = [one for one in running.sink.of_kind("attempt") if one["step"] == "hear"]
    assert (told["outcome"], told["error"]["type"], heard) == ("dead", "BlobGone", [])
