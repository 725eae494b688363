"""The operator's own names for models. Pure."""

from collections.abc import Mapping

from longcall.call import Call
from longcall.validators.judge import Judge


def named(model: str, aliases: Mapping[str, str]) -> str:
    """Returns the model that a name stands for."""
    return aliases.get(model.strip(), model)


def with_aliases(call: Call, aliases: Mapping[str, str]) -> Call:
    """Returns the call with models in place of the names that stand for them, wherever it names one."""
    if not aliases:
        return call
    changes: dict[str, object] = {"fallbacks": _all(call.fallbacks, aliases)}
    if call.judges:
        changes["validators"] = tuple(
            check.model_copy(update={"models": _all(check.models, aliases)}) if isinstance(check, Judge) else check
            for check in call.validators
        )
    if call.retry is not None and call.retry.escalate:
        changes["retry"] = call.retry.model_copy(update={"escalate": _all(call.retry.escalate, aliases)})
    if call.combine is not None and call.combine.model is not None:
        changes["combine"] = call.combine.model_copy(update={"model": named(call.combine.model, aliases)})
    return call.model_copy(update=changes)


def _all(models: tuple[str, ...], aliases: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(named(model, aliases) for model in models)
