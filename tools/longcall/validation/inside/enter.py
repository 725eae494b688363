"""The last step into a sandbox: limits, another user, nothing more to gain. Then the command, or the caller goes on.

`start.py enter SPEC COMMAND …`, SPEC being a Python literal: `user` (a numeric id to become, or null), `drop` (whether
to give up every capability), `filter` (a seccomp filter in base64, or null) and `limits`, a mapping of names in
`resource` to figures.
"""

import os
import resource
import sys


def enter(spec):
    """Takes on the limits and the user of `spec`, for good."""
    for name, figure in spec.get("limits", {}).items():
        number = getattr(resource, name, None)
        if number is not None:
            hard = resource.getrlimit(number)[1]
            most = figure if hard == resource.RLIM_INFINITY else min(figure, hard)
            # A second more of processor time before the end that nobody can catch: the signal before it says why.
            above = most + 1 if name == "RLIMIT_CPU" and hard == resource.RLIM_INFINITY else most
            resource.setrlimit(number, (most, above))
    if spec.get("drop"):
        _drop_capabilities()
    user = spec.get("user")
    if user is not None:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    if spec.get("filter"):
        _filter(spec["filter"])


def _filter(program):
    # prctl(PR_SET_NO_NEW_PRIVS), then prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, …)
    import base64
    import ctypes

    steps = base64.b64decode(program)
    held = ctypes.create_string_buffer(steps, len(steps))

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_void_p))

    libc = ctypes.CDLL(None, use_errno=True)
    whole = Program(len(steps) // 8, ctypes.cast(held, ctypes.c_void_p))
    if libc.prctl(38, 1, 0, 0, 0) != 0 or libc.prctl(22, 2, ctypes.byref(whole), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "seccomp")


def _drop_capabilities():
    import ctypes

    version_3 = (ctypes.c_uint32 * 2)(0x20080522, 0)
    if ctypes.CDLL(None, use_errno=True).capset(version_3, (ctypes.c_uint32 * 6)()) != 0:
        raise OSError(ctypes.get_errno(), "capset")


def enter_now():
    """Enters as the first argument says, and takes it away."""
    enter(eval(sys.argv.pop(1), {"__builtins__": {}}))


def main():
    """Enters, and becomes the command."""
    enter_now()
    command = sys.argv[1:]
    try:
        os.execvp(command[0], command)
    except OSError as error:
        sys.stderr.write(f"longcall cannot start {command[0]}: {error}\n")
        sys.exit(127)
