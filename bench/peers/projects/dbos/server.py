"""POST -> workflow of steps a and b by DBOS and PostgreSQL; answered once the workflow is kept."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
import time

import uvicorn
from dbos import DBOS

told = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
collector = ("127.0.0.1", int(os.environ["BENCH_COLLECTOR"]))
DBOS(
    config={
        "name": "bench",
        "system_database_url": os.environ["BENCH_POSTGRES"],
        "log_level": "ERROR",
    }
)


@DBOS.step()
async def a(message: dict) -> dict:
    return message


@DBOS.step()
async def b(message: dict) -> None:
    told.sendto(f"{message['id']} {time.time_ns()}".encode(), collector)


@DBOS.workflow()
async def flow(message: dict) -> None:
    await b(await a(message))


async def app(scope, receive, send) -> None:
    if scope["type"] != "http":
        return
    body = b""
    while True:
        part = await receive()
        body += part.get("body", b"")
        if not part.get("more_body"):
            break
    await DBOS.start_workflow_async(flow, json.loads(body))
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]}
    )
    await send({"type": "http.response.body", "body": b"{}"})


async def main() -> None:
    DBOS.launch()
    config = uvicorn.Config(app, port=int(sys.argv[1]), log_level="error", lifespan="off")
    await uvicorn.Server(config).serve()


asyncio.run(main())
