"""What the requests of one task have cost, and whether another may leave. Pure."""

from dataclasses import dataclass, replace

from longcall.call import Call
from longcall.models import Attempt, AttemptState, Completion
from longcall.retry import Budget
from longcall.text import dollars

_BYTES_PER_TOKEN = 4
_LEAST_USD = 1e-6


@dataclass(frozen=True, slots=True)
class Spent:
    """What a task's requests have cost so far."""

    tokens: int = 0
    usd: float = 0.0
    is_price_known: bool = True

    def plus(self, completion: Completion, texts: int) -> "Spent":
        """Returns this and one more answered request; `texts` are the bytes it sent and got, for want of a count."""
        usage = completion.usage
        tokens = usage.input_tokens + usage.output_tokens if usage else texts // _BYTES_PER_TOKEN
        cost = completion.cost_usd
        return Spent(self.tokens + tokens, self.usd + (cost or 0), self.is_price_known and cost is not None)

    def plus_unknown(self, texts: int = 0) -> "Spent":
        """Returns this and a request of so many bytes that may have been billed and told nothing."""
        return replace(self, tokens=self.tokens + texts // _BYTES_PER_TOKEN, is_price_known=False)

    def of(self, attempts: tuple[Attempt, ...], asked: int = 0) -> "Spent":
        """Returns this and what attempts of an earlier worker have cost, each of which sent `asked` bytes at least."""
        spent = self
        for attempt in attempts:
            if attempt.state is AttemptState.LOST:
                spent = spent.plus_unknown(asked)
            elif attempt.completion is not None:
                spent = spent.plus(attempt.completion, asked + len((attempt.text or "").encode(errors="replace")))
        return spent


def within(call: Call, budget: Budget, spent: Spent) -> Call:
    """Returns `call` with what is left of a budget in USD as its own, for providers that can stop by themselves."""
    if budget.usd is None:
        return call
    left = budget.model_copy(update={"usd": max(budget.usd - spent.usd, _LEAST_USD)})
    return call.model_copy(update={"retry": call.policy.model_copy(update={"budget": left})})


def reached(budget: Budget, spent: Spent, seconds: float) -> str | None:
    """Returns which limit is reached, as a sentence; None while another request may leave."""
    if budget.tokens is not None and spent.tokens >= budget.tokens:
        return f"{spent.tokens} tokens are spent of a budget of {budget.tokens}."
    if budget.usd is not None and spent.usd >= budget.usd:
        return f"{dollars(spent.usd)} are spent of a budget of {dollars(budget.usd)}."
    if budget.usd is not None and not spent.is_price_known:
        return f"What a request cost is unknown, so the budget of {dollars(budget.usd)} cannot be held any further."
    if budget.seconds is not None and seconds >= budget.seconds:
        return f"{seconds:.0f} s are gone of a budget of {budget.seconds:g} s."
    return None
