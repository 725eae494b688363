"""Which model is asked instead of one that turned a request away. Pure."""

from dataclasses import replace

from longcall.call import Call
from longcall.errors import ProviderError
from longcall.models import Completion
from longcall.text import clip

_NOBODY_ELSES = frozenset({"rejected", "store", "budget"})
"""What another model would turn away too, or what was never the model's doing."""


class Fallbacks:
    """The models of one task that have turned it away, and who is asked in their place."""

    def __init__(self, call: Call, asked: str | None = None) -> None:
        """Begins with the model that an earlier worker had `asked` in place of the call's own, if it had."""
        self._instead: dict[str, tuple[str, ProviderError]] = {}
        if asked is not None and asked != call.model and asked in call.fallbacks:
            self._instead[call.model] = asked, ProviderError("interrupted", "an earlier worker asked the fallback.")

    def current(self, call: Call) -> Call:
        """Returns the call as it goes to the model that is asked in the place of its own."""
        model = next((instead for _, instead, _ in reversed(self._asked_instead(call))), call.model)
        return call if model == call.model else call.model_copy(update={"model": model})

    def after(self, call: Call, asked: str, error: ProviderError, *, may_be_paid: bool) -> bool:
        """Notes that `asked` failed the call; returns whether another model is to be asked.

        Only when nothing was streamed or billed, or when the caller allows paying again (`retry.resend_broken`).
        """
        models = [model for model in dict.fromkeys((call.model, *call.fallbacks)) if model not in self._instead]
        others = [model for model in models if model != asked]
        is_open = not may_be_paid or call.policy.resend_broken
        if not others or not is_open or call.background or error.failure.code in _NOBODY_ELSES:
            return False
        self._instead[asked] = others[0], error
        return True

    def told(self, call: Call, completion: Completion) -> Completion:
        """Returns the completion with who was asked in vain before, and why."""
        notes = [
            f"{instead} answered instead of {model}, whose fallback it is: {_why(error)}"
            for model, instead, error in self._asked_instead(call)
        ]
        return replace(completion, warnings=(*notes, *completion.warnings))

    def _asked_instead(self, call: Call) -> list[tuple[str, str, ProviderError]]:
        """Returns the models that failed the call, from its own on, each with who is asked instead, and why."""
        found: list[tuple[str, str, ProviderError]] = []
        model = call.model
        while call.fallbacks and model in self._instead:
            instead, error = self._instead[model]
            found.append((model, instead, error))
            model = instead
        return found


def _why(error: ProviderError) -> str:
    return clip(error.failure.message, 200)
