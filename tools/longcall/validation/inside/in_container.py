"""Runs a command in a container and hands what it told over its descriptor on through standard output.

`python in_container.py [MARK, ENVIRON] COMMAND …`. The command never learns the mark: it is not in its arguments, and
its parent's memory belongs to another process.
"""

import base64
import json
import os
import subprocess
import sys
import threading


def main():
    """Returns the command's exit code."""
    mark, environ = json.loads(sys.argv[1])
    receiving, sending = os.pipe()
    chunks = []

    def read():
        while chunk := os.read(receiving, 65536):
            chunks.append(chunk)

    reader = threading.Thread(target=read)
    reader.start()
    command = [part.replace("{inner}", str(sending)) for part in sys.argv[2:]]
    ended = subprocess.run(command, env=environ, pass_fds=(sending,), check=False)
    os.close(sending)
    reader.join(5)
    sys.stdout.write(f"<{mark}>{base64.b64encode(b''.join(chunks)).decode()}</{mark}>")
    sys.stdout.flush()
    os._exit(ended.returncode if ended.returncode >= 0 else 128 - ended.returncode)


if __name__ == "__main__":
    main()
