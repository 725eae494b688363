"""Whose keys a task runs with.

Hosts hand keys to a server in the `env` of their own entry, so two servers on one store may hold different ones. Every
task carries the fingerprint of the variables it was made under, and only a worker with the same fingerprint runs it.
The store's schema is part of it: a worker of an older edition may outlive an upgrade, and finishes its own tasks only.
The fingerprint is salted with a secret of this store: from it nobody can test guesses at a key without that file.
"""

import hashlib
import hmac
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

SCHEMA = 7
"""Version of the task store's schema that this edition writes."""

_SUFFIXES = (
    "_API_KEY", "_API_BASE", "_BASE_URL", "_API_URL", "_API_VERSION", "_API_TOKEN", "_ACCESS_KEY", "_ENDPOINT",
    "_AI_TOKEN", "_AUTH_TOKEN", "_OAUTH_TOKEN", "_ORGANIZATION", "_ORG_ID", "_PROJECT_ID",
)  # fmt: skip
_PREFIXES = (
    "ANTHROPIC_", "AWS_", "AZURE_", "DATABRICKS_", "GEMINI_", "GOOGLE_", "HF_", "LITELLM_", "OLLAMA_", "OPENAI_",
    "OTEL_", "VERTEX", "WATSONX_",
)  # fmt: skip
_NAMES = frozenset({
    "ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "SSL_VERIFY",
    "LONGCALL_MAX_IN_FLIGHT", "LONGCALL_ATTEMPTS", "LONGCALL_WORKER_IDLE_S", "LONGCALL_BATCH_POLL_S",
    "LONGCALL_MCP_CONFIG", "LONGCALL_WRITABLE_SERVERS", "LONGCALL_LOG_FORMAT", "LONGCALL_PRICES",
    "LONGCALL_PROVIDERS", "LONGCALL_LIMITS",
})  # fmt: skip
_CLAUDE_PREFIXES = ("CLAUDE_CODE_USE_", "CLAUDE_CODE_SKIP_", "LONGCALL_CLAUDE_")
_CLAUDE_NAMES = frozenset({
    "CLAUDE_CLI_PATH", "CLAUDE_CONFIG_DIR", "CLAUDE_CODE_API_KEY_HELPER_TTL_MS", "CLAUDE_CODE_CERT_STORE",
    "CLAUDE_CODE_CLIENT_CERT", "CLAUDE_CODE_CLIENT_KEY", "CLAUDE_CODE_CLIENT_KEY_PASSPHRASE",
    "CLAUDE_CODE_MAX_OUTPUT_TOKENS", "CLAUDE_CODE_MAX_RETRIES", "CLAUDE_CODE_OAUTH_REFRESH_TOKEN",
    "CLAUDE_CODE_OAUTH_SCOPES", "CLAUDE_CODE_OAUTH_TOKEN", "CLAUDE_SECURESTORAGE_CONFIG_DIR",
})  # fmt: skip
"""Named one by one: what Claude Code tells the servers it starts of itself (its session, its sockets, its tokens) bears
the same prefix, and every session would have a worker of its own."""


_SINCE_4 = (
    "OTEL_", "LONGCALL_BATCH_POLL_S", "LONGCALL_LIMITS", "LONGCALL_LOG_FORMAT", "LONGCALL_PRICES", "LONGCALL_PROVIDERS",
)  # fmt: skip
"""What editions with schemas below 4 did not look at, by its beginning."""


def matters(name: str, schema: int = SCHEMA) -> bool:
    """Whether the variable `name` can change how a provider is reached, or as whom, or where a worker tells of it."""
    upper = name.upper()
    if schema < 4 and upper.startswith(_SINCE_4):
        return False
    return upper in _NAMES or decides_claude(name) or upper.endswith(_SUFFIXES) or upper.startswith(_PREFIXES)


def decides_claude(name: str) -> bool:
    """Whether the variable `name` is one of Claude's command line that decides how Claude is reached, or as whom."""
    upper = name.upper()
    return upper in _CLAUDE_NAMES or upper.startswith(_CLAUDE_PREFIXES)


def fingerprint(environ: Mapping[str, str], salt: bytes, schema: int = SCHEMA, operated: str = "") -> str:
    """Returns 16 hex digits that are equal exactly when the schema and all that decides how a task runs are equal.

    That is the variables that matter, of which an empty one counts as unset, and `operated`: what the user's
    longcall.toml says to workers, as `longcall.settings.operated` tells it.
    """
    lines = sorted(f"{name}={value}" for name, value in environ.items() if value and matters(name, schema))
    if schema > 1:
        lines.append(f"schema {schema}")
    if operated:
        lines.append(operated)
    return hmac.new(salt, "\0".join(lines).encode("utf-8", "surrogateescape"), hashlib.sha256).hexdigest()[:16]


def older_fingerprints(
    environ: Mapping[str, str], salt: bytes, operated: str = "", plain: Mapping[str, str] | None = None
) -> tuple[str, ...]:
    """Returns what editions with earlier schemas made of the same variables and the same file.

    Schemas below 4 knew no file: `plain` is the environment without what the file adds.
    """
    before = environ if plain is None else plain
    of_variables = tuple(fingerprint(before, salt, schema) for schema in range(1, 4))
    return (*of_variables, *(fingerprint(environ, salt, schema, operated) for schema in range(4, SCHEMA)))


def read_salt(home: Path) -> bytes:
    """Returns the store's secret, made on first use with mode 0600; two processes that make it at once agree.

    Raises:
        OSError: the folder cannot be written, or the file cannot be read.
    """
    path = home / "salt"
    if not path.exists():
        draft = home / f".salt-{secrets.token_hex(8)}"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(32))
        try:
            os.link(draft, path)  # fails when another process was first, and then its salt holds
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_bytes()
