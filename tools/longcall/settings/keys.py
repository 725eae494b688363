"""The keys and addresses in the user's own file, as the variables that providers' libraries read."""

import os
from collections.abc import Mapping

from longcall.settings.reading import SettingsError, here
from longcall.settings.settings import Settings

KEYRING = "keyring"
"""Says instead of a key: it is in the system's keyring, as the password of the variable's name."""
_SERVICE = "longcall"


def with_keys(settings: Settings, environ: Mapping[str, str]) -> dict[str, str]:
    """Returns the environment with the file's keys and addresses in it; what the environment holds already stays.

    Raises:
        SettingsError: a key is to come from the system's keyring and is not there.
    """
    keys = {variable_of(name): secret.get_secret_value() for name, secret in settings.keys.items()}
    missing = {name: key for name, key in keys.items() if not environ.get(name)}
    found = {name: _of_keyring(name) if key == KEYRING else key for name, key in missing.items()}
    addresses = {
        f"{name.upper()}_API_BASE": provider.api_base
        for name, provider in settings.providers.items()
        if provider.api_base is not None and provider.kind is None
    }
    return {**environ, **found, **{name: url for name, url in addresses.items() if not environ.get(name)}}


def keyed() -> dict[str, str]:
    """Returns the environment of this process with the keys of the user's file in it; raises as `with_keys`."""
    return with_keys(here(), os.environ)


def key_variables(settings: Settings) -> set[str]:
    """Returns the variables that hold keys, as far as the user's file names any."""
    named = {provider.api_key_env for provider in settings.providers.values()}
    return {*map(variable_of, settings.keys), *(name for name in named if name is not None)}


def variable_of(name: str) -> str:
    """Returns the variable that holds a key: `openai` is short for OPENAI_API_KEY."""
    return name if name.isupper() else key_variable(name)


def key_variable(provider: str) -> str:
    """Returns the variable that holds the key of a provider by its name, unless it is said to be another."""
    return f"{provider.upper().replace('-', '_')}_API_KEY"


def _of_keyring(name: str) -> str:
    try:
        import keyring  # noqa: PLC0415  # slow to import, and few keep keys there
        from keyring.errors import KeyringError  # noqa: PLC0415
    except ImportError:
        raise SettingsError(
            f"The key {name} is to come from the keyring, but the package keyring is not installed here: install"
            " longcall[keyring], or set the variable."
        ) from None
    try:
        key = keyring.get_password(_SERVICE, name)
    except KeyringError as error:
        raise SettingsError(f"The key {name} cannot be read from the keyring: {error}") from None
    if not key:
        raise SettingsError(f"The keyring holds no key {name}: store it with `keyring set {_SERVICE} {name}`.")
    return key
