"""A container of the operator's: LONGCALL_CONTAINER holds a command that runs a container with what follows it.

For instance `docker run --rm -i --network none --read-only --cap-drop ALL --security-opt no-new-privileges --user 65534
--memory 512m --pids-limit 64 --tmpfs /work:size=64m,mode=1777 -w /work -v {in}:/in:ro -v {inside}:/inside:ro
python:3.12-slim`. `{in}` and `{inside}` become the folders on this side. What the private descriptor carries comes
between two marks at the end of standard output, since a container inherits no descriptors. It proves itself like every
other sandbox.
"""

import base64
import json
import os
import secrets
import shlex
from dataclasses import replace

from longcall.validation.sandbox import INSIDE, Job, Outcome
from longcall.validation.sandbox.places import Places
from longcall.validation.sandbox.process import RESULT_KB, Launch, run_process

_KEPT = ("PATH", "HOME", "DOCKER_HOST", "DOCKER_CONFIG", "XDG_RUNTIME_DIR", "CONTAINER_HOST")


class Container:
    """Runs jobs by the operator's command."""

    name = "container"

    def missing(self) -> str | None:
        """Returns why it cannot be used here."""
        if os.environ.get("LONGCALL_CONTAINER", "").strip():
            return None
        return "the operator has configured no container (LONGCALL_CONTAINER)"

    async def run(self, job: Job) -> Outcome:
        """Runs a job; the container's own options hold its memory and processes."""
        folders = {"{in}": str(job.folder), "{inside}": str(INSIDE)}
        command = shlex.split(os.environ.get("LONGCALL_CONTAINER", ""))
        for word, folder in folders.items():
            command = [part.replace(word, folder) for part in command]
        python = os.environ.get("LONGCALL_CONTAINER_PYTHON", "").strip() or "python3"
        places = Places("/in", "/inside", "/work", python)
        mark = secrets.token_hex(16)
        # The descriptor is one of the container's own; the word would be filled in on this side.
        inner = [part.replace("{result}", "{inner}") for part in places.command(job)]
        wrapped = [python, "-I", "-S", "-B", "/inside/in_container.py", json.dumps([mark, places.environ(job)]), *inner]
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        room = replace(job.limits, output_kb=job.limits.output_kb + RESULT_KB * 2)
        outcome = await run_process(Launch(self.name, [*command, *wrapped], room, job.stdin, environ=kept))
        return _with_result(outcome, mark)


def _with_result(outcome: Outcome, mark: str) -> Outcome:
    before, _, rest = outcome.stdout.partition(f"<{mark}>")
    encoded, closed, _ = rest.partition(f"</{mark}>")
    result = base64.b64decode(encoded) if closed else b""
    return replace(outcome, stdout=before, result=result)
