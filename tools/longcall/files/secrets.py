"""Files that are refused by their names, wherever they are: what is in them opens something."""

import re
from fnmatch import translate
from functools import cache
from pathlib import Path


@cache
def _any_of(patterns: tuple[str, ...]) -> re.Pattern[str]:
    """Returns the expression that a name, in lower case, matches when it is like any of them: one look for all."""
    return re.compile("|".join(translate(pattern) for pattern in patterns))


_SECRET = (
    ".env", ".env.*", "*.env", ".envrc", ".netrc", "_netrc", ".npmrc", ".yarnrc.yml", ".pypirc", ".pgpass", ".my.cnf",
    ".htpasswd", ".git-credentials", ".dockercfg", ".dockerconfigjson", ".vault-token", ".boto", ".s3cfg",
    "id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*", "*.pem", "*.key", "*.p12", "*.pfx", "*.jks", "*.keystore",
    "*.keytab", "*.kdbx", "*.ppk", "*.tfstate", "*.tfstate.*", "*.tfvars", "*.tfvars.json", ".*_history",
    "application_default_credentials.json",
    "credentials", "credentials.json", "credentials.toml", "credentials.y*ml", "credentials.ini", "credentials.xml",
    "credentials.csv", "credentials.db", "secrets.json", "secrets.toml", "secrets.y*ml", "secrets.ini", "secrets.txt",
    "client_secret*.json", "service[-_]account*.json", "*.mobileprovision",
)  # fmt: skip
_HARMLESS = (".env.example", ".env.sample", ".env.template", ".env.dist", "*.pub")
_FOLDERS = frozenset({".git", ".ssh", ".gnupg", ".aws", ".kube", ".password-store"})
_MORE_NAMES = re.compile(r"[\s.]+$")


def secret_part(path: Path) -> str | None:
    """Returns the part of a path for which it is refused, or None. Upper and lower case are one."""
    *folders, name = [_plain(part) for part in path.parts] or [""]
    for folder in folders:
        if folder in _FOLDERS:
            return folder
    if name in _FOLDERS or (_any_of(_SECRET).match(name) and not _any_of(_HARMLESS).match(name)):
        return name
    return None


def _plain(part: str) -> str:
    # On Windows "x.", "x " and "x::$DATA" name the file x too.
    return _MORE_NAMES.sub("", part.casefold().partition(":")[0]) or part
