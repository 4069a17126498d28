"""POST -> task b by Celery and Redis. The endpoint is step a: it hands the message to b's queue."""

from __future__ import annotations

import os
import socket
import time

from celery import Celery

told = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
collector = ("127.0.0.1", int(os.environ["BENCH_COLLECTOR"]))
app = Celery("steps", broker=os.environ["BENCH_REDIS"])
app.conf.update(
    task_ignore_result=True, task_acks_late=True, broker_connection_retry_on_startup=True
)


@app.task
def b(message: dict) -> None:
    told.sendto(f"{message['id']} {time.time_ns()}".encode(), collector)
