"""The names under which a provider keeps the answers of a batch, for whoever comes to fetch them."""

from dataclasses import dataclass

from longcall.providers import Handle

_MARK = "batch:"


@dataclass(frozen=True, slots=True)
class Place:
    """One request's place in a batch."""

    provider: str
    token: str
    """Ours; the batch bears it at the provider, where it can be found by it."""
    size: int
    """How many requests are in the batch."""
    number: int
    """Which of them this one is."""
    batch: str | None = None
    """The provider's name for the batch; None while it is being handed over."""

    @property
    def handle(self) -> Handle:
        """The place as the ledger keeps it."""
        return Handle(f"{_MARK}{self.provider}:{self.batch or ''}:{self.token}:{self.size}:{self.number}")


def place_of(handle: Handle) -> Place | None:
    """Returns the place that a handle names; None for the handle of an answer that is in no batch."""
    if not handle.name.startswith(_MARK):
        return None
    provider, _, rest = handle.name.removeprefix(_MARK).partition(":")
    batch, token, size, number = rest.rsplit(":", 3)
    return Place(provider, token, int(size), int(number), batch or None)
