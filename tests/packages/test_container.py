"""The Dockerfile is sound, does not run as root, and its steps give a server; the image itself is not built here."""

import json
import re
import shlex
import shutil
import sys
from pathlib import Path

from packages.conftest import ROOT, done, offline_uv, run

DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")


def _instructions(name: str) -> list[str]:
    joined = re.sub(r"\\\n\s*", "", DOCKERFILE)
    return re.findall(rf"^{name} (.*)$", joined, re.MULTILINE)


def _findings(dockerfile: str, folder: Path) -> set[str]:
    path = folder / "Dockerfile"
    path.write_text(dockerfile)
    told = run(Path(sys.executable).with_name("hadolint"), "--format", "json", path, cwd=folder)
    return {finding["code"] for finding in json.loads(told.stdout)}


def test_hadolint_finds_nothing(tmp_path: Path) -> None:
    assert _findings(DOCKERFILE, tmp_path) == set()
    assert "DL3002" in _findings(DOCKERFILE.replace("USER 10001", "USER root"), tmp_path)
    assert "DL3013" in _findings(DOCKERFILE.replace("uv==0.13.9", "uv"), tmp_path)


def test_it_runs_as_a_user_of_its_own_who_owns_the_store() -> None:
    assert _instructions("USER") == ["10001"]
    assert "--uid 10001" in DOCKERFILE
    assert _instructions("VOLUME") == ["/data"]
    (environ,) = [line.split() for line in _instructions("ENV") if "LONGCALL_HOME" in line]
    assert {"HOME=/data", "LONGCALL_HOME=/data"} <= set(environ)
    assert _instructions("WORKDIR")[-1] == "/data"
    assert _instructions("ENTRYPOINT") == ['["longcall"]']


def test_its_steps_give_a_server_from_nothing_but_what_it_copies(tmp_path: Path, environ: dict[str, str]) -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")}
    source = tmp_path / "source"
    source.mkdir()
    for line in _instructions("COPY"):
        *names, target = line.split()
        if names[0].startswith("--from"):
            continue
        assert set(names) <= allowed, line
        for name in names:
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copy(ROOT / name, source / (name if target == "./" else target))
    (sync,) = [line for line in _instructions("RUN") if line.startswith("uv ")]
    slow = "--compile-bytecode"
    assert slow in sync
    place = tmp_path / "opt"
    words = [word for word in shlex.split(sync) if word != slow]
    done(*words, cwd=source, more={**offline_uv(), "UV_PROJECT_ENVIRONMENT": str(place), "UV_COMPILE_BYTECODE": "0"})
    shutil.rmtree(source)
    told = done(place / "bin" / "longcall", "models", "demo/echo", cwd=tmp_path, environ=environ)
    assert "demo/echo" in told
