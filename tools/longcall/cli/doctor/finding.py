"""What a doctor tells of one thing."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    what: str
    works: bool
    told: str
    remedy: str = ""
    """What to do, where something can be done."""
    is_needed: bool = False
    """Whether nothing can be asked without it."""
