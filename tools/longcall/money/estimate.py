"""What a request will cost at most, by estimate."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a request takes at most."""

    input_tokens: int
    output_tokens: int
    usd: float | None
    """None when nobody knows the price."""

    @property
    def tokens(self) -> int:
        """In and out."""
        return self.input_tokens + self.output_tokens
