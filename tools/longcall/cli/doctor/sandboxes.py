"""The sandboxes for code, each by the proof that it gives here."""

from collections.abc import Mapping

from longcall.cli.doctor.finding import Finding
from longcall.cli.exits import run

_REMEDIES: Mapping[str, str] = {
    "bwrap": "Install longcall[check], which brings it, or bubblewrap of your system.",
    "sandlock": "Install longcall[check], which brings it.",
    "container": "Set LONGCALL_CONTAINER to the program that runs containers, if you want it.",
}


def look() -> list[Finding]:
    """Has every backend prove itself. What to do is told where none did, since one is enough."""
    from longcall.validation.sandbox.choice import proofs  # noqa: PLC0415  # only a doctor and workers look at them

    proven = run(proofs)
    any_holds = any(proof.trusted for proof in proven)
    return [
        Finding(
            f"sandbox {proof.backend}",
            proof.trusted,
            proof.detail,
            "" if any_holds else _REMEDIES.get(proof.backend, ""),
        )
        for proof in proven
    ]
