"""A bucket of S3 on loopback: put, get, head, copy, delete and list, each only when its signature is right.

The signature is worked out here from the request as it arrived, not by wistro's own signer.
"""

from __future__ import annotations

import hashlib
import hmac
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import parse_qsl, unquote, urlsplit
from xml.sax.saxutils import escape

PAGE = 3  # keys a listing, so that every test of one follows its token
KEY_ID, SECRET, REGION, BUCKET = "AKIADOUBLE", "s3cr3t/of+the double", "eu-central-1", "shop-blobs"


class Bucket(ThreadingHTTPServer):
    """`objects`: key -> (bytes, when written). `refused` are the requests whose signature was wrong."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.objects: dict[str, tuple[bytes, datetime]] = {}
        self.refused: list[str] = []
        self.failures: list[int] = []  # statuses that the next requests get instead
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def make_old(self) -> None:
        """Everything in it was written long ago."""
        for key, (content, _) in list(self.objects.items()):
            self.objects[key] = (content, datetime(2020, 1, 1, tzinfo=UTC))

    def close(self) -> None:
        self.shutdown()
        self.thread.join()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: Bucket
    protocol_version = "HTTP/1.1"
    wbufsize = 65536
    disable_nagle_algorithm = True
    verbs: ClassVar = ("GET", "HEAD", "PUT", "DELETE")

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _do(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        if self.server.failures:
            self._answer(self.server.failures.pop(0), b"<Error/>")
        elif (why := self._wrong(body)) is not None:
            self.server.refused.append(why)
            self._answer(403, f"<Error><Code>{why}</Code></Error>".encode())
        else:
            self._serve(body)

    do_GET = do_HEAD = do_PUT = do_DELETE = _do

    def _serve(self, body: bytes) -> None:
        url, objects = urlsplit(self.path), self.server.objects
        bucket, _, key = unquote(url.path)[1:].partition("/")
        if bucket != BUCKET:
            self._answer(404, b"<Error><Code>NoSuchBucket</Code></Error>")
        elif not key:
            self._answer(200, self._listing(dict(parse_qsl(url.query))))
        elif self.command == "PUT" and (source := self.headers.get("x-amz-copy-source")):
            found = objects.get(unquote(source).removeprefix("/").partition("/")[2])
            if found is None:
                self._answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
            else:
                objects[key] = (found[0], datetime.now(UTC))
                self._answer(200, b"<CopyObjectResult/>")
        elif self.command == "PUT":
            objects[key] = (body, datetime.now(UTC))
            self._answer(200)
        elif self.command == "DELETE":
            objects.pop(key, None)
            self._answer(204)
        elif key in objects:
            self._answer(200, *objects[key])
        else:
            self._answer(404, b"<Error><Code>NoSuchKey</Code></Error>")

    def _listing(self, query: dict[str, str]) -> bytes:
        prefix, after = query.get("prefix", ""), query.get("continuation-token", "")
        keys = [
            one for one in sorted(self.server.objects) if one.startswith(prefix) and one > after
        ]
        page = keys[:PAGE]
        told = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>{len(self.server.objects[key][0])}</Size>"
            f"<LastModified>{self.server.objects[key][1]:%Y-%m-%dT%H:%M:%S.000Z}</LastModified></Contents>"
            for key in page
        )
        if len(keys) > PAGE:
            told += f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>"
        return f'<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{told}</ListBucketResult>'.encode()

    def _answer(self, status: int, body: bytes = b"", at: datetime | None = None) -> None:
        self.send_response(status)
        if at is not None:
            self.send_header("Last-Modified", f"{at:%a, %d %b %Y %H:%M:%S} GMT")
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _wrong(self, body: bytes) -> str | None:
        given = dict(
            part.strip().split("=", 1)
            for part in (self.headers.get("authorization") or "").partition(" ")[2].split(",")
            if "=" in part
        )
        if set(given) != {"Credential", "SignedHeaders", "Signature"}:
            return "NoAuthorization"
        day = self.headers["x-amz-date"][:8]
        scope = f"{day}/{REGION}/s3/aws4_request"
        names = given["SignedHeaders"].split(";")
        ours = {one.lower() for one in self.headers if one.lower().startswith("x-amz-")} | {"host"}
        if given["Credential"] != f"{KEY_ID}/{scope}" or not ours <= set(names):
            return "WrongScope"
        if self.headers["x-amz-content-sha256"] != hashlib.sha256(body).hexdigest():
            return "WrongDigest"
        path, _, query = self.path.partition("?")
        canonical = "\n".join(
            (
                self.command,
                path,
                "&".join(sorted(query.split("&"))) if query else "",
                "".join(f"{one}:{self.headers[one].strip()}\n" for one in names),
                given["SignedHeaders"],
                self.headers["x-amz-content-sha256"],
            )
        )
        to_sign = f"AWS4-HMAC-SHA256\n{self.headers['x-amz-date']}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        key = ("AWS4" + SECRET).encode()
        for part in (day, REGION, "s3", "aws4_request", to_sign):
            key = hmac.digest(key, part.encode(), "sha256")
        return None if key.hex() == given["Signature"] else "SignatureDoesNotMatch"
