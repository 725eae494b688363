"""Backends, their choice, and what happens when something is wrong with them."""

import base64
import os
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest

from longcall.validation import CodeRequest, validate_code
from longcall.validation.checkers.tools import find
from longcall.validation.sandbox import Job, Limits, SandboxError
from longcall.validation.sandbox.bubblewrap import Bubblewrap, find_bwraps
from longcall.validation.sandbox.choice import choose, forget_proofs
from longcall.validation.sandbox.interpreter import interpreter
from longcall.validation.sandbox.memory import family, held_mb
from longcall.validation.sandbox.process import Launch, run_process
from longcall.validation.sandbox.sandlock import Sandlock
from longcall.validation.sandbox.seatbelt import Seatbelt, profile
from longcall.validation.sandbox.seccomp import UnknownArchitectureError, program
from longcall.validation.sandbox.user import user_inside

pytestmark = pytest.mark.anyio

ECHO = "import sys; data = sys.stdin.read(); print(len(data)); print(data[:3], file=sys.stderr); sys.exit(3)"


def python(*argv: str) -> tuple[str, ...]:
    return (sys.executable, "-I", "-S", "-c", *argv)


async def test_a_process_is_fed_read_and_told_of():
    told = "import os, sys; os.write(int(sys.argv[1]), b'told')"
    outcome = await run_process(Launch("bare", python(ECHO), Limits(), stdin=b"abc" * 100_000))
    by_descriptor = await run_process(Launch("bare", python(told, "{result}"), Limits()))

    assert (outcome.exit, outcome.stdout, outcome.stderr) == (3, "300000\n", "abc\n")
    assert (by_descriptor.exit, by_descriptor.result) == (0, b"told")


async def test_a_process_that_reads_nothing_is_no_trouble():
    outcome = await run_process(Launch("bare", python("pass"), Limits(), stdin=b"x" * 10_000_000))

    assert (outcome.exit, outcome.signal, outcome.ended_by) == (0, None, None)


async def test_a_signal_is_told():
    outcome = await run_process(Launch("bare", python("import os; os.kill(os.getpid(), 15)"), Limits()))

    assert (outcome.exit, outcome.signal) == (None, 15)


async def test_a_process_that_makes_us_its_debugger_is_ended():
    code = "import ctypes, os; ctypes.CDLL(None).ptrace(0, 0, 0, 0); os.kill(os.getpid(), 19)"
    outcome = await run_process(Launch("bare", python(code), Limits(wall_s=5)))

    assert outcome.ended_by == "stopped"


async def test_memory_of_all_processes_together_counts():
    code = "import os, time\nfor _ in range(3): os.fork()\nheld = b'x' * (40 << 20)\ntime.sleep(20)"
    outcome = await run_process(Launch("bare", python(code), Limits(memory_mb=200)))

    assert outcome.ended_by == "oom"
    assert outcome.peak_mb > 200


async def test_what_cannot_be_started_is_a_sandbox_error():
    with pytest.raises(SandboxError, match="could not be started"):
        await run_process(Launch("bare", ("/no/such/program",), Limits()))


def test_a_process_and_its_children_are_found():
    assert os.getpid() in family(os.getpid())
    assert held_mb(os.getpid(), 0) > 0
    assert held_mb(2**22 + 5, 0) == 0


def test_the_filter_is_made_for_each_architecture_and_no_other():
    assert program("x86_64") != program("aarch64")
    assert program("arm64") == program("aarch64")
    assert len(program("x86_64")) % 8 == 0
    with pytest.raises(UnknownArchitectureError):
        program("pdp11")


def test_root_becomes_another_user_inside():
    user = user_inside()

    assert (user is None) == (os.geteuid() != 0)
    assert user != 0


def test_what_cannot_be_used_here_says_why(monkeypatch: pytest.MonkeyPatch):
    assert "no bwrap" in str(Bubblewrap(None).missing())
    assert "macOS" in str(Seatbelt().missing())
    monkeypatch.setattr(sys, "platform", "darwin")
    assert "Linux" in str(Bubblewrap(find_bwraps()[0]).missing())
    assert "Linux" in str(Sandlock().missing())


def test_the_profile_for_macos_denies_what_it_does_not_name(tmp_path: Path):
    text = profile(tmp_path, (Path('/opt/a "quoted" folder'),))

    assert text.startswith("(version 1)\n(deny default)")
    assert "(deny network*)" in text
    assert '(subpath "/opt/a \\"quoted\\" folder")' in text
    assert text.count("file-write*") == 1
    assert f'(allow file-write*\n  (subpath "{tmp_path}")' in text


@pytest.fixture
def _afresh() -> Any:
    forget_proofs()
    yield
    forget_proofs()


@pytest.mark.usefixtures("_afresh")
async def test_a_container_that_holds_is_used(monkeypatch: pytest.MonkeyPatch):
    # bwrap stands in for a container's program; what it lacks, the last step inside adds.
    own = interpreter()
    parents = [
        part for folder in reversed(own.prefix.parents[:-1]) for part in ("--perms", "0755", "--dir", str(folder))
    ]
    root = (
        ["--unshare-user", "--uid", "65534"] if os.geteuid() else ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    )
    spec = {"user": user_inside(), "filter": base64.b64encode(program()).decode()}
    command = [
        str(find_bwraps()[0]), "--unshare-ipc", "--unshare-pid", "--unshare-net", "--cap-drop", "ALL", *root,
        "--ro-bind", "/usr", "/usr", "--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64",
        *parents, "--ro-bind", str(own.prefix), str(own.prefix), "--proc", "/proc", "--dev", "/dev", "--clearenv",
        "--ro-bind", "{in}", "/in", "--ro-bind", "{inside}", "/inside", "--perms", "1777", "--tmpfs", "/work",
        "--chdir", "/work", str(own.executable), "-I", "-S", "-B", "/inside/start.py", "enter", repr(spec),
    ]  # fmt: skip
    monkeypatch.setenv("LONGCALL_CONTAINER", shlex.join(command))
    monkeypatch.setenv("LONGCALL_CONTAINER_PYTHON", str(own.executable))
    monkeypatch.setenv("LONGCALL_SANDBOX", "container")

    chosen, why = await choose()
    assert chosen is not None, why
    request = {"code": "def f(x):\n    print(x)\n    return x\n", "checks": ["expected"], "language": "python"}
    right = await validate_code(CodeRequest.model_validate({**request, "cases": [{"args": [1], "expected": 1}]}))
    wrong = await validate_code(CodeRequest.model_validate({**request, "cases": [{"args": [1], "expected": 2}]}))
    assert [report.sandbox and report.sandbox.backend for report in (right, wrong)] == ["container", "container"]
    assert (right.verdict, wrong.verdict) == ("pass", "fail")


@pytest.mark.usefixtures("_afresh")
async def test_a_python_that_does_not_answer_decides_nothing(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LONGCALL_SANDBOX_PYTHON", "/no/such/python")
    monkeypatch.setenv("LONGCALL_SANDBOX", "bwrap")
    asked: dict[str, object] = {
        "code": "def f():\n    return 1\n",
        "language": "python",
        "cases": [{"args": [], "expected": 1}],
    }
    report = await validate_code(CodeRequest.model_validate({**asked, "entry_point": "f"}))

    assert report.verdict in ("inconclusive", "error")
    assert {check.reason for check in report.checks if check.check == "expected"} == {"no_sandbox"}


@pytest.mark.usefixtures("_afresh")
async def test_the_python_of_the_operators_is_used(monkeypatch: pytest.MonkeyPatch):
    base = Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}"
    monkeypatch.setenv("LONGCALL_SANDBOX_PYTHON", str(base))
    monkeypatch.setenv("LONGCALL_SANDBOX", "bwrap")
    code = "import longcall_is_not_here\n\ndef f():\n    return 1\n"
    asked: dict[str, object] = {
        "code": code,
        "checks": ["expected"],
        "language": "python",
        "cases": [{"args": [], "expected": 1}],
    }

    assert interpreter().executable.samefile(base)
    report = await validate_code(CodeRequest.model_validate(asked))
    assert report.checks[0].reason == "missing_dependency"


async def test_a_sandbox_that_fails_is_an_error_and_no_fault_of_the_code(tmp_path: Path):
    with pytest.raises(SandboxError):
        await Bubblewrap(Path("/no/such/bwrap")).run(Job(("true",), tmp_path, Limits()))


def stand_in(folder: Path, name: str, script: str) -> None:
    """Puts a program of this name into a folder."""
    path = folder / name
    path.write_text(f"#!{sys.executable}\n{script}\n", "utf-8")
    path.chmod(0o755)


TSC = """
import sys
if '--version' in sys.argv: print('Version 5.0'); sys.exit(0)
print("main.ts(1,5): error TS2322: Type 'string' is not assignable to type 'number'.")
print("main.ts(2,8): error TS2307: Cannot find module 'x'.")
sys.exit(2)
"""


async def test_the_typescript_compiler_is_read_when_it_is_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    stand_in(tmp_path, "tsc", TSC)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    report = await validate_code(CodeRequest(code="let a: number = 'a';\nimport 'x';\n", language="ts"))

    assert report.verdict == "fail"
    assert [(one.line, one.column, one.code) for one in report.diagnostics] == [(1, 5, "TS2322")]
    assert [check.tool_version for check in report.checks if check.tool == "tsc"] == ["Version 5.0"] * 2


async def test_a_tool_that_breaks_is_an_error_and_takes_no_other_with_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    stand_in(tmp_path, "tsc", "import sys; sys.exit(3)")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    report = await validate_code(CodeRequest(code="let a = 1;\n", language="ts"))

    assert {(check.tool, check.status) for check in report.checks} == {("tsc", "error"), ("oxlint", "pass")}
    assert find("tsc") == tmp_path / "tsc"
    assert report.verdict == "pass"
