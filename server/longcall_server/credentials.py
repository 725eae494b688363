"""Who may come in over HTTP."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from longcall.settings import SettingsError
from longcall.tokens import OPERATOR, SHORTEST, VARIABLE, TokenFile, digest, match

FIRST = "default"
"""The name of the token that is made when one is needed and there is none."""
_TOKEN = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True)
class Credentials:
    """The tokens of the store, and the operator's own."""

    file: TokenFile
    operator: str | None
    """SHA-256 of the operator's token, in hexadecimal; None when there is none."""
    required: bool
    """Whether nobody comes in without a token."""

    def owner(self, presented: str) -> str | None:
        """Returns the name of the token that somebody presents; None when it is none of ours.

        Raises:
            TokenFileError: the file of tokens cannot be read.
        """
        candidates = [(token.name, token.sha256) for token in self.file.tokens()]
        if self.operator is not None:
            candidates.append((OPERATOR, self.operator))
        return match(presented, candidates)

    def first_token(self) -> str | None:
        """Makes a token when one is required and there is none; returns it, else None.

        Raises:
            TokenFileError: the file of tokens cannot be read or written.
        """
        if not self.required or self.operator is not None or self.file.tokens():
            return None
        return self.file.add(FIRST)


def operator_digest(environ: Mapping[str, str]) -> str | None:
    """Returns the SHA-256 of the operator's token; None when LONGCALL_HTTP_TOKEN is unset or empty.

    Raises:
        SettingsError: it is too short, or no header can carry it. The sentence does not show it.
    """
    token = environ.get(VARIABLE, "").strip()
    if not token:
        return None
    if len(token) < SHORTEST or not _TOKEN.fullmatch(token):
        raise SettingsError(f"{VARIABLE} must have at least {SHORTEST} characters, of ASCII and without spaces.")
    return digest(token)
