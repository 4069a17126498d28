"""`wistro start` tells a collector of its runs; a collector that is slow or away costs no run anything."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import msgspec
import pytest

from infra.ports import free_ports
from tests.integration.wistro.running import a_project, ask, run, wistro
from wistro.protocol.records import LineRecord
from wistro.records.otlp_export import Exporter, Target
from wistro.store.port import Chunk

STEPS = {
    "src/take.step.py": """
config = {"type": "api", "name": "Take", "method": "POST", "path": "/take", "public": True, "emits": ["taken"]}
async def handler(req, ctx):
    ctx.logger.info("taking", {"n": 1})
    await ctx.emit({"topic": "taken", "data": {"traceparent": ctx.traceparent}})
    return {"status": 202, "body": {"traceparent": ctx.traceparent}}
""",
    "src/keep.step.py": """
config = {"type": "event", "name": "Keep", "subscribes": ["taken"]}
def handler(message, ctx): ctx.logger.warn("kept")
""",
}
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


class Collector:
    """Takes what is posted after refusing the first request of each path with `first`."""

    def __init__(self, first: int) -> None:
        self.got: list[tuple[str, dict, dict]] = []
        self.refused: set[str] = set()
        self.enough = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                is_first = self.path not in outer.refused
                outer.refused.add(self.path)
                self.send_response(first if is_first else 200)
                self.send_header("content-length", "0")
                self.end_headers()
                if not is_first:
                    sent = {name.lower(): value for name, value in self.headers.items()}
                    outer.got.append((self.path, sent, json.loads(body)))
                    if len(outer.spans()) >= 3 and len(outer.lines()) >= 2:
                        outer.enough.set()

            def log_message(self, format: str, *args: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def spans(self) -> list[dict]:
        return [
            span
            for path, _, body in self.got
            if path == "/v1/traces"
            for span in body["resourceSpans"][0]["scopeSpans"][0]["spans"]
        ]

    def lines(self) -> list[dict]:
        return [
            line
            for path, _, body in self.got
            if path == "/v1/logs"
            for line in body["resourceLogs"][0]["scopeLogs"][0]["logRecords"]
        ]


@pytest.fixture
def collector() -> Iterator[Collector]:
    collector = Collector(first=503)
    yield collector
    collector.server.shutdown()
    collector.server.server_close()


async def test_a_run_arrives_as_one_trace_also_after_the_collector_refused_it_once(
    tmp_path: Path, collector: Collector
) -> None:
    a_project(tmp_path, STEPS)
    assert (await run("lock", folder=tmp_path))[0] == 0
    (port,) = free_ports(1)
    env = {
        "PATH": os.environ["PATH"],
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_EXPORTER_OTLP_HEADERS": "x-key=k",
        "OTEL_SERVICE_NAME": "shop",
    }
    async with wistro("start", "--port", str(port), folder=tmp_path, env=env) as started:
        await started.line("serving")
        answer = await ask(port, "POST", "/take", {}, headers={"traceparent": TRACE})
        assert answer.status == 202
        await started.line("kept")
        assert await started.end() == 0

    spans = {span["name"]: span for span in collector.spans()}
    assert set(spans) == {"POST /take", "src/take", "src/keep"}
    assert {span["traceId"] for span in spans.values()} == {TRACE.split("-")[1]}
    assert spans["POST /take"]["parentSpanId"] == TRACE.split("-")[2]
    assert spans["src/keep"]["parentSpanId"] == spans["src/take"]["spanId"]
    assert answer.json["traceparent"].split("-")[2] == spans["src/take"]["spanId"]
    assert {line["body"]["stringValue"] for line in collector.lines()} == {"taking", "kept"}
    headers = collector.got[0][1]
    assert headers["x-key"] == "k" and headers["content-type"] == "application/json"


async def test_a_collector_that_is_away_costs_nothing_and_is_said(tmp_path: Path) -> None:
    a_project(tmp_path, STEPS)
    assert (await run("lock", folder=tmp_path))[0] == 0
    nobody, port = free_ports(2)
    env = {"PATH": os.environ["PATH"], "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{nobody}"}
    async with wistro("start", "--port", str(port), folder=tmp_path, env=env) as started:
        await started.line("serving")
        assert (await ask(port, "POST", "/take", {})).status == 202
        await started.line("kept")
        assert await started.end() == 0

    assert any("were not sent to" in line for line in started.said)


async def test_a_protocol_that_is_not_spoken_is_one_clear_line(tmp_path: Path) -> None:
    a_project(tmp_path, STEPS)
    assert (await run("lock", folder=tmp_path))[0] == 0
    env = {
        "PATH": os.environ["PATH"],
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4317",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
    }

    code, said = await run("start", folder=tmp_path, env=env)

    assert code == 1 and "otlp.setting" in said


def test_a_collector_that_answers_rubbish_once_is_told_of_the_rest() -> None:
    answers = [
        b"rubbish\r\n\r\n",
        b"HTTP/1.1 429 Slow\r\nretry-after: \xb2\r\ncontent-length: 0\r\n\r\n",
    ]
    taken = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            if answers:
                self.wfile.write(answers.pop(0))
                self.close_connection = True
                return
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()
            taken.set()

        def log_message(self, format: str, *args: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    line = LineRecord(seq=1, at_us=1, level="info", message="m", deployment_id="d")
    try:
        exporter = Exporter(Target(None, f"http://127.0.0.1:{server.server_port}/v1/logs"), {})
        exporter.take([Chunk("s", 1, 1, msgspec.json.encode(line) + b"\n", durable=False)])
        assert taken.wait(15)
        exporter.close()
    finally:
        server.shutdown()
        server.server_close()
