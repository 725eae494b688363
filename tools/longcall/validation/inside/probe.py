"""Tries to do from inside what must not be possible, and tells what was: the proof of a sandbox.

`start.py probe SPEC CONFIG DESCRIPTOR`. CONFIG names what lies outside: `tcp` (a port on loopback where someone
listens), `unix` (an abstract socket), `secret` (a file), `marker` (a word in the outer environment and in that file),
`pid` (a process outside), `processes` and `memory_mb` (the limits).
"""

import ctypes
import json
import os
import signal
import socket
import subprocess
import sys

from enter import enter_now
from telling import open_result, read_config, tell


def _tcp(config):
    with socket.create_connection(("127.0.0.1", config["tcp"]), timeout=2) as connection:
        return connection.recv(16) == b"outside"


def _unix(config):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(2)
        connection.connect("\0" + config["unix"])
        return connection.recv(16) == b"outside"


def _netlink(config):
    socket.socket(16, socket.SOCK_RAW, 0).close()
    return True


def _secret(config):
    with open(config["secret"], encoding="utf-8") as file:
        return config["marker"] in file.read()


def _shadow(config):
    with open("/etc/shadow", encoding="utf-8") as file:
        return bool(file.read())


def _environ(config):
    seen = [json.dumps(dict(os.environ))]
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/environ", encoding="utf-8", errors="replace") as file:
                    seen.append(file.read())
            except OSError:
                pass
    return any(config["marker"] in text for text in seen)


def _signal(config):
    os.kill(config["pid"], signal.SIGTERM)
    return True


def _write(config):
    with open(config["secret"] + ".written", "w", encoding="utf-8") as file:
        file.write("x")
    return True


def _system(config):
    with open("/usr/longcall-probe", "w", encoding="utf-8") as file:
        file.write("x")
    os.remove("/usr/longcall-probe")
    return True


def _libc(name, *arguments):
    result = getattr(ctypes.CDLL(None, use_errno=True), name)(*arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), name)
    return True


def _namespace(config):
    return _libc("unshare", 0x10000000)


def _ptrace(config):
    child = os.fork()
    if child == 0:
        signal.pause()
    try:
        return _libc("ptrace", 16, child, None, None)  # PTRACE_ATTACH
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _keyring(config):
    number = {"x86_64": 250, "aarch64": 219}[os.uname().machine]
    return _libc("syscall", number, 0, -3, 1)


def _root(config):
    os.setuid(0)
    os.setgroups([1])  # a root without any capability is root in name alone
    return True


def _memory(config):
    held = bytearray(config["memory_mb"] * 2 * 1024 * 1024)
    return len(held) > 0


def _forks(config):
    children = []
    try:
        while len(children) < config["processes"] + 40:
            child = os.fork()
            if child == 0:
                signal.pause()
            children.append(child)
    except OSError:
        pass
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    return len(children) > config["processes"]


ATTEMPTS = {
    "tcp": _tcp, "unix": _unix, "netlink": _netlink, "secret": _secret, "shadow": _shadow, "environ": _environ,
    "signal": _signal, "write": _write, "system": _system, "namespace": _namespace, "ptrace": _ptrace,
    "keyring": _keyring, "root": _root, "forks": _forks,
}  # fmt: skip


def _works():
    # The controls: what a submission must be able to do.
    with open("note", "w", encoding="utf-8") as file:
        file.write("x")
    os.remove("note")
    return (
        subprocess.run([sys.executable, "-I", "-S", "-c", "print(6 * 7)"], capture_output=True, check=False).stdout
        == b"42\n"
    )


def main():
    """Tries everything."""
    enter_now()
    config = read_config(sys.argv[1])
    descriptor = open_result(sys.argv[2])
    works = _works()  # first: what the attempts use up may come back late
    through = [name for name, attempt in ATTEMPTS.items() if _gets_through(attempt, config)]
    tell(descriptor, {"works": works, "through": through})
    # Last, since some sandboxes end a run that asks for too much.
    tell(descriptor, {"works": True, "through": ["memory"] if _gets_through(_memory, config) else []})


def _gets_through(attempt, config):
    try:
        return attempt(config)
    except (OSError, MemoryError, AttributeError, KeyError, ValueError):
        return False
