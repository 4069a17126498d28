"""What tenants' code would try: each is Python that returns what it got, or raises. `world` is what lies outside.

`plain` says where the same code succeeds without a sandbox, so that a refusal means something: `always`, `root` (only
when the tests run as root), or `never` (nothing there to reach on a test machine, or it needs the proxy).
"""

from __future__ import annotations

from dataclasses import dataclass

PRELUDE = """
import ctypes, json, os, pathlib, signal, socket, struct, sys, time
world = json.loads(sys.argv[1])
libc = ctypes.CDLL(None, use_errno=True)
def checked(answer):
    if answer < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return answer
def syscall(x86_64, aarch64, *arguments):
    number = x86_64 if os.uname().machine == "x86_64" else aarch64
    wide = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return checked(libc.syscall(ctypes.c_long(number), *wide))
def text(path):
    return pathlib.Path(path).read_bytes().decode(errors="replace")
def wanted(found):
    if world["marker"] not in found:
        raise LookupError("not what was looked for: " + found[:80])
    return world["marker"]
def greeting(connection):
    with connection:
        connection.settimeout(3)
        return wanted(connection.recv(100).decode())
def dial(host, port):
    return greeting(socket.create_connection((host, port), timeout=3))
def dial_unix(path):
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(path)
    return greeting(connection)
def tunnel(target):
    connection = socket.create_connection(("127.0.0.1", 3128), timeout=3)
    connection.sendall(f"CONNECT {target} HTTP/1.1\\r\\n\\r\\n".encode())
    status = connection.recv(12).decode()
    if not status.endswith("200"):
        raise PermissionError(status)
    return greeting(connection)
def child():
    pid = os.fork()
    if pid == 0:
        time.sleep(20)
        os._exit(0)
    return pid
"""


@dataclass(frozen=True)
class Attempt:
    name: str
    code: str  # the body of a function
    plain: str = "always"
    from_install: bool = True  # False: allowed there, or meaningless


ATTEMPTS = [
    Attempt(
        "the Hub's environment by its pid",
        "return wanted(text(f'/proc/{world[\"hub_pid\"]}/environ'))",
    ),
    Attempt(
        "the Hub's environment by searching /proc",
        """
    for entry in pathlib.Path('/proc').iterdir():
        if entry.name.isdigit() and entry.name != str(os.getpid()):
            try:
                return wanted(text(entry / 'environ'))
            except (OSError, LookupError):
                pass
    raise LookupError('no process has it')""",
    ),
    Attempt(
        "the command lines of other processes",
        "return wanted(''.join(text(p) for p in pathlib.Path('/proc').glob('[0-9]*/cmdline') if p.parent.name != str(os.getpid())))",
    ),
    Attempt("another bundle's files", "return wanted(text(world['other_bundle']))"),
    Attempt("another bundle through the parent folder", "return wanted(text('../other/step.py'))"),
    Attempt("another tenant's scratch folder", "return wanted(text(world['other_scratch']))"),
    Attempt("the agent's token file", "return wanted(text(world['agent_token']))"),
    Attempt("the gateway's key file", "return wanted(text(world['gateway_key']))"),
    Attempt("the environment's store", "return wanted(text(world['store']))"),
    Attempt(
        "the home folder",
        "return os.listdir(world['home']) and wanted(world['marker'] if set(os.listdir(world['home'])) - {'.pyenv', '.local', '.nvm'} else 'nothing')",
    ),
    Attempt("the password hashes", "return text('/etc/shadow') and world['marker']", plain="root"),
    Attempt(
        "npm's global credentials in /usr/etc",
        "return wanted(world['marker'] if os.listdir('/usr/etc') else '')",
        plain="never",
    ),
    Attempt(
        "the machine's devices by /sys", "return os.listdir('/sys/class/net') and world['marker']"
    ),
    Attempt("PostgreSQL's socket", "return dial_unix(world['postgres_socket'])"),
    Attempt("PostgreSQL's port", "return dial('127.0.0.1', world['postgres_port'])"),
    Attempt("Redis' port", "return dial('127.0.0.1', world['redis_port'])"),
    Attempt(
        "a loopback port of the host by its name",
        "return dial(world['hostname'], world['redis_port'])",
        plain="never",
    ),
    Attempt(
        "PostgreSQL's port by the proxy",
        "return tunnel(f'127.0.0.1:{world[\"postgres_port\"]}')",
        plain="never",
    ),
    Attempt(
        "Redis' port by the proxy and localhost",
        "return tunnel(f'localhost:{world[\"redis_port\"]}')",
        plain="never",
    ),
    Attempt(
        "Redis' port by the proxy, mapped into IPv6",
        "return tunnel(f'[::ffff:127.0.0.1]:{world[\"redis_port\"]}')",
        plain="never",
    ),
    Attempt(
        "Redis' port by the proxy and a number",
        "return tunnel(f'2130706433:{world[\"redis_port\"]}')",
        plain="never",
    ),
    Attempt(
        "the Hub by the proxy", "return tunnel(f'127.0.0.1:{world[\"hub_port\"]}')", plain="never"
    ),
    Attempt("the metadata address", "return dial('169.254.169.254', 80)", plain="never"),
    Attempt(
        "the metadata address by the proxy", "return tunnel('169.254.169.254:80')", plain="never"
    ),
    Attempt("an engine's socket", "return dial_unix(world['engine_socket'])"),
    Attempt("the container engine's socket", "return dial_unix(world['docker_socket'])"),
    Attempt("an abstract socket outside", "return dial_unix('\\0' + world['abstract_socket'])"),
    Attempt(
        "ptrace of a process outside",
        "checked(libc.ptrace(0x4206, world['sibling_pid'], 0, 0)); return world['marker']",
        plain="root",
    ),
    Attempt(
        "ptrace of a process of its own",
        "checked(libc.ptrace(0x4206, child(), 0, 0)); return world['marker']",
    ),
    Attempt(
        "memory of another process",
        """
    pid, buffer = child(), ctypes.create_string_buffer(8)
    vector = struct.pack('PN', ctypes.addressof(buffer), 8)
    syscall(310, 270, pid, vector, 1, vector, 1, 0)
    return world['marker']""",
    ),
    Attempt(
        "killing a process outside",
        "os.kill(world['sibling_pid'], 0); return wanted(world['marker'] if 'sibling' in text(f'/proc/{world[\"sibling_pid\"]}/cmdline') else '')",
    ),
    Attempt(
        "writing its bundle",
        "pathlib.Path('step.py').write_text('changed'); return world['marker']",
        from_install=False,
    ),
    Attempt(
        "adding a file to its bundle",
        "pathlib.Path('added.py').write_text('x'); return world['marker']",
        from_install=False,
    ),
    Attempt(
        "writing the interpreter's library",
        "p = pathlib.Path(os.__file__).parent / 'wistro-was-here'; p.write_text('x'); p.unlink(); return world['marker']",
        plain="root",
    ),
    Attempt(
        "writing the root",
        "p = pathlib.Path('/wistro-was-here'); p.write_text('x'); p.unlink(); return world['marker']",
        plain="root",
    ),
    Attempt(
        "mounting",
        "checked(libc.mount(b'none', world['mount_point'].encode(), b'tmpfs', 0, None)); libc.umount(world['mount_point'].encode()); return world['marker']",
        plain="root",
    ),
    Attempt("a new user namespace", "checked(libc.unshare(0x10000000)); return world['marker']"),
    Attempt(
        "a new user namespace by clone",
        "pid = syscall(56, 220, 0x10000000 | 17, 0, 0, 0, 0); pid or os._exit(0); os.waitpid(pid, 0); return world['marker']",
    ),
    Attempt(
        "a new mount namespace",
        "checked(libc.unshare(0x00020000)); return world['marker']",
        plain="root",
    ),
    Attempt(
        "joining another's namespaces",
        "checked(libc.setns(os.open(f'/proc/{world[\"sibling_pid\"]}/ns/net', 0), 0)); return world['marker']",
        plain="root",
    ),
    Attempt(
        "changing its root", "checked(libc.chroot(b'/tmp')); return world['marker']", plain="root"
    ),
    Attempt(
        "a raw socket",
        "socket.socket(socket.AF_INET, socket.SOCK_RAW, 1).close(); return world['marker']",
        plain="root",
    ),
    Attempt(
        "a packet socket",
        "socket.socket(17, socket.SOCK_DGRAM, 0).close(); return world['marker']",
        plain="root",
    ),
    Attempt(
        "a netlink socket", "socket.socket(16, socket.SOCK_RAW, 0).close(); return world['marker']"
    ),
    Attempt(
        "a block device of its own",
        "os.mknod(world['device'], 0o60600, os.makedev(7, 0)); os.unlink(world['device']); return world['marker']",
        plain="root",
    ),
    Attempt("a kernel keyring", "syscall(250, 219, 0, -3, 1); return world['marker']"),
    Attempt(
        "an eBPF program",
        "libc.syscall(321 if os.uname().machine == 'x86_64' else 280, 0, None, 0); n = ctypes.get_errno(); checked(0 if n not in (1, 38) else -1); return world['marker']",
        plain="root",
    ),
    Attempt(
        "an io_uring",
        "b = ctypes.create_string_buffer(120); syscall(425, 425, 1, b); return world['marker']",
        plain="never",
    ),
    Attempt(
        "user space page faults", "syscall(323, 282, 1); return world['marker']", plain="never"
    ),
    Attempt("becoming root", "os.setuid(0); return world['marker']", plain="root"),
    Attempt(
        "a capability",
        "caps = int(text('/proc/self/status').split('CapEff:')[1].split()[0], 16); return wanted(world['marker'] if caps else 'none')",
        plain="root",
    ),
    Attempt(
        "secrets in its own first process",
        "return wanted(text('/proc/1/environ') + text('/proc/1/cmdline'))",
        plain="never",
    ),
    Attempt(
        "a fork bomb",
        """
    for _ in range(150):
        child()
    return world['marker']""",
    ),
    Attempt(
        "filling the disk",
        "pathlib.Path(world['fill']).write_bytes(b'x' * (48 << 20)); return world['marker']",
    ),
    Attempt(
        "filling shared memory",
        "p = pathlib.Path('/dev/shm/' + world['marker']); p.write_bytes(b'x' * (96 << 20)); p.unlink(); return world['marker']",
    ),
    Attempt(
        "all of the memory",
        "b = bytearray(400 << 20); b[::4096] = b'x' * len(b[::4096]); return world['marker']",
    ),
]
