"""Step b: tell the load client, by UDP, that the flow is done."""

import os
import socket
import time

config = {
    "type": "event",
    "name": "b",
    "subscribes": ["b"],
    "emits": [],
    "input": {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}},
}

told = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
told.setblocking(False)
collector = ("127.0.0.1", int(os.environ.get("BENCH_COLLECTOR", "9")))


async def handler(message, ctx):
    told.sendto(f"{message['id']} {time.time_ns()}".encode(), collector)
