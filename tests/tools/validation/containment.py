"""Attempts to get out of a sandbox, or to take more than its share. Each prints THROUGH when it succeeded.

What lies outside is made for the purpose by the test and reached over loopback alone: see `outside.py`.
"""

from dataclasses import dataclass
from typing import Literal

PRELUDE = """
import ctypes, errno, glob, json, os, resource, signal, socket, struct, subprocess, sys, time
config = json.load(open(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'config.json')))
machine = os.uname().machine
libc = ctypes.CDLL(None, use_errno=True)
def call(name, *args):
    ctypes.set_errno(0)
    if getattr(libc, name)(*args) < 0:
        raise OSError(ctypes.get_errno(), name)
    return True
def system(x86, arm, *args, beside=()):
    # A call that the kernel looks at and finds senseless has got through.
    ctypes.set_errno(0)
    if libc.syscall(x86 if machine == 'x86_64' else arm, *args) < 0:
        return ctypes.get_errno() not in (errno.EPERM, errno.EACCES, errno.ENOSYS, *beside)
    return True
def reads(path):
    with open(path, 'rb') as file:
        return config['marker'].encode() in file.read(100000)
def tried(work, *args):
    try: return work(*args)
    except OSError: return False
def talks(family, kind, address):
    with socket.socket(family, kind) as talk:
        talk.settimeout(1)
        talk.connect(address)
        if kind == socket.SOCK_DGRAM: talk.send(b'hello')
        return talk.recv(16) == b'outside'
def made(family, kind, protocol=0):
    socket.socket(family, kind, protocol).close()
    return True
def in_child(work):
    child = os.fork()
    if child == 0:
        try: os._exit(0 if work() else 1)
        except BaseException: os._exit(1)
    return os.waitpid(child, 0)[1] == 0
def attempt():
"""
CODA = """
try:
    if attempt(): print('THROUGH', flush=True)
except (OSError, MemoryError, ValueError, AttributeError, subprocess.SubprocessError):
    pass
"""


@dataclass(frozen=True)
class Probe:
    """One attempt."""

    code: str
    bare: Literal["anyone", "root", "never"] = "anyone"
    """Who gets through without a sandbox, where that is harmless to show: the negative twin."""

    @property
    def program(self) -> str:
        """The whole program."""
        return PRELUDE + "".join(f"    {line}\n" for line in self.code.strip().splitlines()) + CODA


PROBES = {
    "TCP over IPv4": Probe("return talks(socket.AF_INET, socket.SOCK_STREAM, ('127.0.0.1', config['tcp4']))"),
    "TCP over IPv6": Probe("return talks(socket.AF_INET6, socket.SOCK_STREAM, ('::1', config['tcp6']))"),
    "UDP": Probe("return talks(socket.AF_INET, socket.SOCK_DGRAM, ('127.0.0.1', config['udp']))"),
    "an abstract Unix socket": Probe("return talks(socket.AF_UNIX, socket.SOCK_STREAM, '\\0' + config['abstract'])"),
    "a Unix socket in a folder": Probe("return talks(socket.AF_UNIX, socket.SOCK_STREAM, config['unix'])"),
    "a netlink socket": Probe("return made(16, socket.SOCK_RAW)"),
    "a packet socket": Probe("return made(17, socket.SOCK_RAW)", "root"),
    "a raw socket": Probe("return made(socket.AF_INET, socket.SOCK_RAW, 1)", "root"),
    "a socket of the kernel's ciphers": Probe("return made(38, 5)", "never"),
    "a socket to the hypervisor": Probe("return made(40, socket.SOCK_STREAM)", "never"),
    "a file outside": Probe("return reads(config['secret'])"),
    "a file outside by a link": Probe("""
os.symlink(config['secret'], 'link')
return reads('link')
"""),
    "a file outside by another root": Probe(
        "return any(tried(reads, path + config['secret']) for path in ('/proc/1/root', '/proc/self/root'))"
    ),
    "the passwords": Probe("return bool(open('/etc/shadow').read())", "root"),
    "environments": Probe("""
found = [json.dumps(dict(os.environ))]
for path in glob.glob('/proc/[0-9]*/environ'):
    try: found.append(open(path, errors='replace').read())
    except OSError: pass
return any(config['marker'] in text for text in found)
""", "root"),
    "command lines": Probe("""
texts = []
for path in glob.glob('/proc/[0-9]*/cmdline'):
    try: texts.append(open(path, errors='replace').read())
    except OSError: pass
return any(config['bystander'] in text for text in texts)
"""),
    "a signal to a process outside": Probe("""
os.kill(config['pid'], 0)
return config['bystander'] in open(f"/proc/{config['pid']}/cmdline").read()
""", "root"),
    "descriptors left open": Probe("""
names = [os.readlink(path) for path in glob.glob('/proc/self/fd/*') if os.path.islink(path)]
outer = [name for name in names if name.startswith('/') and not name.startswith(('/dev/null', '/proc'))]
return any('probe.py' not in name for name in outer)
""", "never"),
    "a new file outside": Probe("""
open(config['new'] + str(os.getpid()), 'w').close()
return True
"""),
    "a file among its inputs": Probe("""
open(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'new'), 'w').close()
return True
"""),
    "a file in the system": Probe("""
os.close(os.open('/usr/bin/longcall-probe', os.O_CREAT | os.O_WRONLY))
os.remove('/usr/bin/longcall-probe')
return True
""", "root"),
    "the kernel's settings": Probe("""
os.close(os.open('/proc/sys/kernel/hostname', os.O_WRONLY))
return True
""", "root"),
    "the kernel's messages": Probe("""
return bool(os.read(os.open('/dev/kmsg', os.O_RDONLY | os.O_NONBLOCK), 8192))
""", "root"),
    "the devices of the machine": Probe("return bool(os.listdir('/sys/class'))"),
    "a device of its own": Probe("""
os.mknod('device', 0o600 | 0o020000, os.makedev(1, 5))
os.remove('device')
return True
""", "root"),
    "keyrings": Probe("return system(250, 219, 0, -3, 1) or system(248, 217, b'user', b'longcall', b'x', 1, -3)"),
    "a debugger on its child": Probe("""
child = os.fork()
if child == 0:
    time.sleep(5)
    os._exit(0)
try: return system(101, 117, 16, child, 0, 0)
finally: os.kill(child, signal.SIGKILL); os.waitpid(child, 0)
"""),
    "the memory of another process": Probe("""
held = ctypes.create_string_buffer(8)
vector = (ctypes.c_void_p * 2)(ctypes.addressof(held), 8)
return system(310, 270, os.getppid() or 1, vector, 1, vector, 1, 0, beside=(errno.ESRCH,))
""", "root"),
    "a user namespace": Probe("return in_child(lambda: call('unshare', 0x10000000))"),
    "a mount namespace": Probe("return in_child(lambda: call('unshare', 0x00020000))", "root"),
    "namespaces by clone": Probe("""
flags = 0x10000000 | signal.SIGCHLD
child = libc.syscall(56 if machine == 'x86_64' else 220, flags, 0, 0, 0, 0)
if child == 0: os._exit(0)
if child > 0: os.waitpid(child, 0)
return child > 0
"""),
    "namespaces by a program": Probe("""
return subprocess.run(['unshare', '-U', 'true'], capture_output=True).returncode == 0
"""),
    "another's namespace": Probe("""
return in_child(lambda: call('setns', os.open('/proc/self/ns/uts', os.O_RDONLY), 0))
""", "root"),
    "a mount": Probe("return call('mount', b'none', b'/work', b'tmpfs', 0, None)", "never"),
    "another root": Probe("return in_child(lambda: os.chroot('.') is None)", "root"),
    "BPF": Probe("return system(321, 280, 5, None, 0)", "root"),
    "performance counters": Probe("return system(298, 241, None, 0, -1, -1, 0)"),
    "io_uring": Probe("return system(425, 425, 1, None)"),
    "page faults by hand": Probe("return system(323, 282, 1)"),
    "files by handle": Probe("return system(303, 264, -100, b'/', None, None, 0)"),
    "the clock": Probe("return call('clock_settime', 0, (ctypes.c_long * 2)(int(time.time()), 0))", "never"),
    "the machine's name": Probe("return call('sethostname', b'taken', 5)", "never"),
    "root's powers": Probe("""
os.setuid(0)
os.setgroups([1])
return True
""", "root"),
}  # fmt: skip
"""Attempts to get out."""

BOMBS = {
    "memory of one process": "held = bytearray(config['memory_mb'] * 2 << 20)\nreturn len(held) > 0",
    "memory of many processes": """
share = config['memory_mb'] * 6 // 10
for _ in range(8):
    if os.fork() == 0:
        held = b'x' * (share << 20)
        time.sleep(20)
        os._exit(0)
time.sleep(3)
return True
""",
    "processor time": "while True: pass",
    "processor time of many processes": """
for _ in range(8):
    if os.fork() == 0: break
while True: pass
""",
    "wall time": "time.sleep(60)\nreturn True",
    "processes": """
count = 0
try:
    while count < config['processes'] + 40:
        if os.fork() == 0: time.sleep(20); os._exit(0)
        count += 1
except OSError: pass
return count > config['processes']
""",
    "one large file": """
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with open('large', 'wb', buffering=0) as file:
    for _ in range(64): file.write(b'x' * (1 << 20))
return True
""",
    "many files": """
for number in range(40):
    with open(f'file{number}', 'wb', buffering=0) as file:
        file.write(b'x' * (8 << 20)) == 8 << 20 or sys.exit(1)
return True
""",
    "shared memory": """
for number in range(40):
    with open(f'/dev/shm/file{number}', 'wb', buffering=0) as file:
        file.write(b'x' * (8 << 20)) == 8 << 20 or sys.exit(1)
return True
""",
    "standard output": "while True: os.write(1, b'x' * 65536)",
    "standard error": "while True: os.write(2, b'x' * 65536)",
    "the private descriptor": "while True: os.write(int(config['result']), b'x' * 65536)",
    "open files": "return len([os.open('/dev/null', os.O_RDONLY) for _ in range(2000)]) == 2000",
}
"""Attempts to take more than the limits. None may print THROUGH, and each must have ended soon after them."""
