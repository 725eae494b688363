"""Which providers have a key here, by the names of the variables alone, and whether the providers can be reached."""

import tempfile
from collections.abc import Mapping
from pathlib import Path

from longcall.catalog import KEYS
from longcall.cli.doctor.finding import Finding
from longcall.providers.served import Served, served
from longcall.settings import Settings

_REFUSED = ("HTTP 401", "HTTP 403")


def look(environ: Mapping[str, str]) -> list[Finding]:
    """Tells which variables are set, never what they hold."""
    named = {provider: _variable(provider, environ) for provider in KEYS}
    told = ", ".join(f"{provider} ({variable})" for provider, variable in sorted(named.items()) if variable)
    if told:
        return [Finding("keys of providers", works=True, told=told)]
    remedy = "Set OPENAI_API_KEY, ANTHROPIC_API_KEY or another; demo/… and max/… need none."
    return [Finding("keys of providers", works=False, told="none", remedy=remedy)]


async def look_online(settings: Settings, environ: Mapping[str, str]) -> list[Finding]:
    """Asks every provider with a key, and those of the operator's own, for a list of models, which costs nothing."""
    names = {provider for provider in KEYS if _variable(provider, environ)} | settings.providers.keys()
    with tempfile.TemporaryDirectory(prefix="longcall-doctor-") as folder:
        # What they said before is kept elsewhere: here they are asked now.
        apart = settings.model_copy(update={"home": Path(folder)})
        said = await served({name: KEYS.get(name, ()) for name in names}, apart, environ, b"")
    found = {one.provider: _finding(one, environ) for one in said}
    unasked = {
        name: Finding(f"online {name}", works=True, told="not asked: it has no list for a key") for name in names
    }
    return [(unasked | found)[name] for name in sorted(names)]


def _variable(provider: str, environ: Mapping[str, str]) -> str | None:
    return next((name for name in KEYS[provider] if environ.get(name)), None)


def _finding(one: Served, environ: Mapping[str, str]) -> Finding:
    what = f"online {one.provider}"
    if one.trouble is None:
        return Finding(what, works=True, told=f"it lists {len(one.models)} models")
    if one.trouble.endswith(_REFUSED):
        variable = _variable(one.provider, environ) if one.provider in KEYS else None
        return Finding(what, works=False, told=one.trouble, remedy=f"It refuses what {variable or 'its key'} holds.")
    remedy = "Look at the network, the proxy variables, and the address if you have set one."
    return Finding(what, works=False, told=one.trouble, remedy=remedy)
