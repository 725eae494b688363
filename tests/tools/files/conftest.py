"""A project with all that can be in one."""

import subprocess
from pathlib import Path

import pytest

from longcall.files.roots import Roots

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 40
SECRETS = [".env", ".env.local", "prod.env", ".npmrc", "id_rsa", "server.pem", "a.key", "credentials.json", ".netrc"]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Returns the folder of a project; beside it stands a file that nothing in it may reach."""
    root = tmp_path / "project"
    for name, text in {
        "README.md": "# Hello\n",
        "src/a.py": "".join(f"line {number}\n" for number in range(1, 101)),
        "src/deep/b.py": "b = 2\n",
        "src/deep/c.txt": "c\n",
        "build/out.py": "built\n",
        "src/noise.log": "noise\n",
        "src/kept.log": "kept\n",
        "node_modules/x/index.py": "module\n",
        ".gitignore": "build/\n*.log\n",
        "src/.gitignore": "!kept.log\n",
        "data/[1].txt": "brackets\n",
        "a:10-20": "a name like a range\n",
    }.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for name in SECRETS:
        (root / "src" / name).write_text("SECRET")
    (root / "picture.png").write_bytes(PNG)
    (root / "paper.pdf").write_bytes(b"%PDF-1.4\n/Type /Page\n/Type /Page\n")
    (root / "program").write_bytes(b"\x7fELF\0\0\0")
    (tmp_path / "outside.txt").write_text("OUTSIDE")
    (root / "link.txt").symlink_to(tmp_path / "outside.txt")
    (root / "linked").symlink_to(tmp_path)
    (root / "inner.txt").symlink_to(root / "README.md")
    (root / "innocent.txt").symlink_to(root / "src" / ".env")
    return root


@pytest.fixture
def roots(project: Path) -> Roots:
    """Returns the project as the only folder that may be used."""
    return Roots.of([str(project)])


def git_ignores(root: Path, path: str) -> bool:
    """Whether git itself ignores a path."""
    done = subprocess.run(["git", "-C", str(root), "check-ignore", "-q", "--no-index", path], check=False)
    return done.returncode == 0
