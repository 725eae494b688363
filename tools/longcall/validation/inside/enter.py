"""The last step into a sandbox: limits, another user, nothing more to gain. Then the command, or the caller goes on.

`python enter.py SPEC COMMAND …`, SPEC being JSON: `user` (a numeric id to become, or null) and `limits`, a mapping of
names in `resource` to figures.
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
            resource.setrlimit(number, (most, most))
    user = spec.get("user")
    if user is not None:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)


def main():
    """Enters, and becomes the command."""
    import json

    enter(json.loads(sys.argv[1]))
    command = sys.argv[2:]
    try:
        os.execvp(command[0], command)
    except OSError as error:
        sys.stderr.write(f"longcall cannot start {command[0]}: {error}\n")
        sys.exit(127)


if __name__ == "__main__":
    main()
