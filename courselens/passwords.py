"""Secrets that must not be used: short ones, and those that nobody has chosen."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

MIN_SECRET_BYTES = 32

_MIN_CHARACTERS = 8
_PLACEHOLDERS = (
    "change-me", "changeme", "set-me", "setme", "insecure", "secret-key", "secretkey", "lms-secret",
    "example", "placeholder", "password", "default", "your-", "1234567890",
)  # fmt: skip
_EXAMPLES = frozenset({"password", "change-me", "changeme", "change_me", "set-me", "..."})
_HOST = re.compile(r"(\[[0-9a-fA-F:.]*\]|[^:\[\]]*)(:[0-9]{0,5})?")


def weakness(secret: str) -> str | None:
    """Why a secret must not be used; None: no reason."""
    size = len(secret.encode(errors="surrogatepass"))
    if size < MIN_SECRET_BYTES:
        return f"has {size} bytes; at least {MIN_SECRET_BYTES} are needed"
    plain = secret.lower().replace("_", "-").replace(" ", "-")
    if any(word in plain for word in _PLACEHOLDERS) or len(set(secret)) < _MIN_CHARACTERS:
        return "looks like a placeholder; `openssl rand -hex 32` makes a good one"
    return None


def check_url(url: str) -> None:
    """Refuse the URL of a server with the password of an example, or with one that breaks it.

    Raises:
        ValueError: says why, and nothing of the URL. What reads it later would not be so careful:
            behind a `/` in the password it takes the first half for a port, and shows it.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    who, _, hosts = parts.netloc.rpartition("@")
    if not parts.scheme or not all(_HOST.fullmatch(host) for host in hosts.split(",")):
        raise ValueError("is no URL; percent-encode what is no letter or digit in the password")
    if unquote(who.partition(":")[2]).lower() in _EXAMPLES:
        raise ValueError("has the password of an example")
