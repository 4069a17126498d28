"""A disk that can lose its power: a FUSE file system with one file, which a loop device takes for its disk.

The kernel's writes and flushes of that file arrive here one by one, so an image can be taken while it is live and holds
what a disk could hold after a cut: all that was flushed, and of what was not, any part. A process of its own:
`python -m tests.faults.recording_disk IMAGE FOLDER`, told by lines on its standard input: `cut PATH SEED`.
"""

from __future__ import annotations

import ctypes
import os
import random
import stat
import struct
import sys
import threading
from pathlib import Path

BLOCK = 4096
MOST = 1 << 20
NAME = b"disk.img"
ROOT, FILE = 1, 2
LOOKUP, FORGET, GETATTR, SETATTR, OPEN, READ, WRITE, STATFS = 1, 2, 3, 4, 14, 15, 16, 17
RELEASE, FSYNC, FLUSH, INIT, INTERRUPT, DESTROY, FORGETS = 18, 20, 25, 26, 36, 38, 42
SILENT = (FORGET, FORGETS, INTERRUPT)
ENOENT, ENOSYS = 2, 38
BIG_WRITES, MAX_PAGES = 1 << 5, 1 << 22
HEADER = struct.Struct("=IIQQIIII")
REPLY = struct.Struct("=IiQ")
ATTR = struct.Struct("=QQQQQQIIIIIIIIII")
IO = struct.Struct("=QQIIQII")  # the head of a read and of a write


class Disk:
    """`durable` is what was flushed; `pending` came since then, in order."""

    def __init__(self, image: bytes) -> None:
        self.durable = bytearray(image)
        self.current = bytearray(image)
        self.pending: list[tuple[int, bytes]] = []
        self.used = {
            at for at in range(0, len(image), BLOCK) if image[at : at + BLOCK].strip(b"\0")
        }
        self.lock = threading.Lock()

    def write(self, at: int, data: bytes) -> None:
        with self.lock:
            self.current[at : at + len(data)] = data
            self.pending.append((at, data))
            self.used.update(range(at - at % BLOCK, at + len(data), BLOCK))

    def flush(self) -> None:
        with self.lock:
            for at, data in self.pending:
                self.durable[at : at + len(data)] = data
            self.pending.clear()

    def cut(self, path: Path, chance: random.Random) -> int:
        """The image after a cut now; how many blocks that nobody had flushed are lost in it."""
        with self.lock:
            image, pending = bytearray(self.durable), list(self.pending)
            used = sorted(self.used)
        keeps, lost = chance.choice((0.0, 0.5, 0.9)), 0
        for at, data in pending:
            for start in range(0, len(data), BLOCK):
                if chance.random() < keeps:
                    image[at + start : at + start + BLOCK] = data[start : start + BLOCK]
                else:
                    lost += 1
        with path.open("wb") as file:
            for start in used:
                file.seek(start)
                file.write(image[start : start + BLOCK])
            file.truncate(len(image))
        return lost


class Server:
    """Answers the kernel on /dev/fuse until the file system is unmounted."""

    def __init__(self, fd: int, disk: Disk) -> None:
        self._fd = fd
        self._disk = disk

    def serve(self) -> None:
        while True:
            try:
                request = os.read(self._fd, MOST + 2 * BLOCK)
            except OSError:
                return  # unmounted
            _, opcode, unique, node, *_ = HEADER.unpack_from(request)
            if opcode in SILENT:
                continue
            error, body = self._answer(opcode, node, memoryview(request)[HEADER.size :])
            reply = REPLY.pack(REPLY.size + len(body), -error, unique) + body
            try:
                os.write(self._fd, reply)
            except OSError:
                continue  # who asked was interrupted
            if opcode == DESTROY:
                return

    def _answer(self, opcode: int, node: int, body: memoryview) -> tuple[int, bytes]:
        if opcode == INIT:
            flags = struct.unpack_from("=IIII", body)[3] & (BIG_WRITES | MAX_PAGES)
            started = struct.pack("=IIIIHHIIHHI", 7, 31, MOST, flags, 16, 12, MOST, 1, 256, 0, 0)
            return 0, started + bytes(28)
        if opcode == LOOKUP:
            if bytes(body).rstrip(b"\0") != NAME:
                return ENOENT, b""
            return 0, struct.pack("=QQQQII", FILE, 0, 3600, 3600, 0, 0) + self._attr(FILE)
        if opcode in (GETATTR, SETATTR):
            return 0, struct.pack("=QII", 3600, 0, 0) + self._attr(node)
        if opcode == OPEN:
            return 0, struct.pack("=QII", 1, 0, 0)
        if opcode == READ:
            _, at, size, *_ = IO.unpack_from(body)
            return 0, bytes(self._disk.current[at : at + size])
        if opcode == WRITE:
            _, at, size, *_ = IO.unpack_from(body)
            self._disk.write(at, bytes(body[IO.size : IO.size + size]))
            return 0, struct.pack("=II", size, 0)
        if opcode == FSYNC:
            self._disk.flush()
            return 0, b""
        if opcode == STATFS:
            return 0, struct.pack("=QQQQQIIII", 0, 0, 0, 0, 0, BLOCK, 255, BLOCK, 0) + bytes(24)
        return (0 if opcode in (RELEASE, FLUSH, DESTROY) else ENOSYS), b""

    def _attr(self, node: int) -> bytes:
        size = len(self._disk.current) if node == FILE else 0
        mode = stat.S_IFREG | 0o600 if node == FILE else stat.S_IFDIR | 0o700
        return ATTR.pack(node, size, size // 512, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, BLOCK, 0)


def mount(fd: int, folder: Path) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    options = f"fd={fd},rootmode=40000,user_id={os.getuid()},group_id={os.getgid()}"
    if libc.mount(b"faults", str(folder).encode(), b"fuse", 0, options.encode()):
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error), str(folder))


def main() -> None:
    image, folder = Path(sys.argv[1]), Path(sys.argv[2])
    disk = Disk(image.read_bytes())
    fd = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    mount(fd, folder)
    serving = threading.Thread(target=Server(fd, disk).serve)
    serving.start()
    print("ready", flush=True)
    for line in sys.stdin:
        _, path, seed = line.split()
        print("lost", disk.cut(Path(path), random.Random(int(seed))), flush=True)
    serving.join()


if __name__ == "__main__":
    main()
