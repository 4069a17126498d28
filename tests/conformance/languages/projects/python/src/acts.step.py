"""The acts of cases.py in an async handler."""

from __future__ import annotations

import asyncio
import ctypes
import os
import subprocess
import sys
import time
from pathlib import Path

from odd import odd
from wistro_sdk import NonRetriable, Refused, RetryAfter, ndjson, sse

config = {"type": "noop", "name": "Acts"}


async def handler(given, ctx):
    acts = given["body"]["do"] if hasattr(given, "raw_body") else given["do"]
    results = []
    for verb, *args in acts:
        if verb == "emit":
            await ctx.emit({"topic": args[0], "data": args[1]})
        elif verb == "emit_unawaited":
            ctx.emit({"topic": args[0], "data": args[1]})
        elif verb == "emit_with":
            await ctx.emit(args[0])
        elif verb == "emit_at_deadline":
            await ctx.emit({"topic": args[0], "data": args[1], "at": ctx.deadline})
        elif verb == "emit_odd":
            await ctx.emit({"topic": "t", "data": odd(args[0])})
        elif verb == "emit_caught":
            try:
                await ctx.emit({"topic": args[0], "data": args[1]})
            except Refused as error:
                results.append({"code": error.code, "path": error.path})
        elif verb == "get":
            results.append(await ctx.state.get(*args))
        elif verb == "list":
            results.append(await ctx.state.list(*args))
        elif verb == "get_versioned":
            found = await ctx.state.get_versioned(*args)
            results.append({"value": found.value, "version": found.version})
        elif verb == "set_if":
            group, key, value, version = args
            await ctx.state.set(group, key, value, if_version=version)
        elif verb in ("set", "delete", "clear", "update"):
            await getattr(ctx.state, verb)(*args)
        elif verb == "log":
            getattr(ctx.logger, args[0])(*args[1:])
        elif verb == "log_odd":
            ctx.logger.info("odd", {"a": float("nan")})
        elif verb == "print":
            print(args[0])
        elif verb == "print_error":
            print(args[0], file=sys.stderr)
        elif verb == "write":
            sys.stdout.write(args[0])
        elif verb == "blob":
            ref = await ctx.blobs.put(args[0].encode(), **args[1])
            results += [ref, (await ctx.blobs.get(ref)).decode()]
            with await ctx.blobs.open(ref["blob"]) as file:
                results.append(file.read().decode())
            results.append(Path(await ctx.blobs.path(ref)).read_text())  # noqa: ASYNC240
        elif verb == "blob_stream":
            results.append((await ctx.blobs.put(pieces_of(args[0]))).size)
        elif verb == "blob_text":
            await ctx.blobs.put(args[0])
        elif verb == "blob_get":
            await ctx.blobs.get(args[0])
        elif verb == "context":
            results.append(context_of(ctx))
        elif verb == "request":
            results.append(request_of(given))
        elif verb == "return_nothing":
            return None
        elif verb == "return":
            return args[0]
        elif verb == "return_bytes":
            return {"body": b"\x00\xffhi"}
        elif verb == "stream":
            return {**args[1], "body": items_of(args[0])}
        elif verb == "stream_bare":
            return items_of(args[0])
        elif verb == "stream_throws":
            return items_of([*args[0], ValueError("half-way")])
        elif verb == "sse":
            return {**args[1], "body": sse(items_of(args[0]))}
        elif verb == "ndjson":
            return ndjson(items_of(args[0]), last=args[1])
        elif verb == "return_odd":
            return {"body": odd("nan")}
        elif verb == "throw":
            raise ValueError(args[0])  # THROWS HERE
        elif verb == "throw_non_retriable":
            raise NonRetriable(args[0])
        elif verb == "throw_retry_after":
            raise RetryAfter(args[0])
        elif verb == "throw_caused":
            try:
                raise KeyError("inner")
            except KeyError as error:
                raise ValueError("outer") from error
        elif verb == "wait_for_cancel":
            ctx.logger.info("waiting")
            await asyncio.sleep(args[0])
        elif verb == "sleep":
            await asyncio.sleep(args[0])
        elif verb == "block":
            ctx.logger.info("blocking")
            time.sleep(args[0])  # noqa: ASYNC251  what a careless step does
        elif verb == "exit":
            sys.exit(args[0])
        elif verb == "end_process":
            os._exit(args[0])
        elif verb == "crash":
            ctypes.string_at(0)
        elif verb == "fork":
            if os.fork() == 0:
                print("from the child")
                return {"body": "from the child"}
            os.wait()  # noqa: ASYNC222
        elif verb == "flood":
            for number in range(args[0]):
                print(f"line {number}")
        elif verb == "leave_behind":
            loose = asyncio.get_running_loop().create_task(leave())
            results.append(str(loose.done()))
        elif verb == "raw_write":
            os.write(1, args[0].encode())
        elif verb == "write_bytes":
            sys.stdout.buffer.write(b"\xff\xfe bytes\n")
            sys.stdout.buffer.flush()
        elif verb == "child":
            subprocess.run(["/bin/sh", "-c", args[0]], check=True)  # noqa: ASYNC221
        elif verb == "pid":
            results.append(os.getpid())
        else:
            raise AssertionError(verb)
    return {"status": 200, "body": {"results": results}}


async def leave():
    await asyncio.sleep(0)
    sys.exit(4)


async def pieces_of(sizes):
    for size in sizes:
        yield b"x" * size


async def items_of(items):
    for item in items:
        if isinstance(item, Exception):
            raise item
        yield item


def context_of(ctx):
    return {
        "run_id": ctx.run_id,
        "trace_id": ctx.trace_id,
        "trace": [ctx.traceparent, ctx.tracestate],
        "now": iso(ctx.now),
        "attempt": ctx.attempt,
        "deadline": iso(ctx.deadline),
        "idempotency_key": ctx.idempotency_key,
        "flows": ctx.flows,
        "topic": ctx.topic,
        "auth": ctx.auth,
        "secret": ctx.env["SECRET"],
        "in_process": os.environ["SECRET"],
        "cancelled": ctx.cancelled.is_set(),
    }


def iso(moment):
    assert moment.utcoffset().total_seconds() == 0
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def request_of(req):
    assert req["pathParams"] == req["path_params"] == req.path_params and req.get("nothing") is None
    return {
        "method": req.method,
        "path": req.path,
        "path_params": req.path_params,
        "query_params": req.query_params,
        "headers": req.headers,
        "raw": req.raw_body.decode(),
    }
