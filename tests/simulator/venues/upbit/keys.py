"""The token that opens Upbit's private socket: a JWT signed with the secret of an API key (reference 9.6)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

ACCESS_KEY = "simulated-access-key-of-forty-characters"
SECRET_KEY = "simulated-secret-key-with-enough-bytes-for-each-of-the-three-hashes"
"""The one API key that there is; it has no scopes."""
_HASHES: dict[str, Callable[..., Any]] = {
    "HS256": hashlib.sha256,
    "HS384": hashlib.sha384,
    "HS512": hashlib.sha512,
}


def bearer(header: str) -> str | None:
    """The token of an Authorization header, if it has the form of one."""
    scheme, _, token = header.partition(" ")
    return token if scheme.lower() == "bearer" and token.count(".") == 2 else None


def holds(token: str) -> bool:
    """Whether a token names the key and a nonce, and is signed with the key's secret."""
    head, payload, signature = token.split(".")
    try:
        algorithm, claims = json.loads(_decoded(head)), json.loads(_decoded(payload))
        made_with = _HASHES[algorithm["alg"]]
        signed = hmac.new(SECRET_KEY.encode(), f"{head}.{payload}".encode(), made_with).digest()
        named = claims["access_key"] == ACCESS_KEY and isinstance(claims["nonce"], str) and claims["nonce"] != ""
        return named and hmac.compare_digest(signed, _decoded(signature))
    except (binascii.Error, ValueError, KeyError, TypeError):
        return False


def _decoded(part: str) -> bytes:
    """URL-safe Base64 without padding."""
    return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
