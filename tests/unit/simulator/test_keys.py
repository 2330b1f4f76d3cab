"""Which tokens open Upbit's private socket (reference 9.6)."""

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest

from tests.simulator.venues.upbit.keys import ACCESS_KEY, SECRET_KEY, bearer, holds

CLAIMS = {"access_key": ACCESS_KEY, "nonce": "6c2a1d0e-6a3e-4b55-9a0c-2f7c2a1e7c11"}


def encoded(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def token(claims: object = None, *, algorithm: str = "HS256", secret: str = SECRET_KEY) -> str:
    head = encoded(json.dumps({"alg": algorithm, "typ": "JWT"}).encode())
    text = f"{head}.{encoded(json.dumps(CLAIMS if claims is None else claims).encode())}"
    digest = hashlib.new(f"sha{algorithm[2:]}" if algorithm[2:].isdigit() else "sha256").name
    return f"{text}.{encoded(hmac.new(secret.encode(), text.encode(), digest).digest())}"


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
def test_a_token_signed_with_the_keys_secret_holds(algorithm: str) -> None:
    assert holds(token(algorithm=algorithm))


@pytest.mark.parametrize(
    "bad",
    [
        token(secret="another"),
        token({**CLAIMS, "access_key": "another"}),
        token({**CLAIMS, "nonce": ""}),
        token({"access_key": ACCESS_KEY}),
        token([]),
        token(algorithm="none"),
        token()[:-2] + "AA",
        "a.b.c",
        "..",
        f"{token().rpartition('.')[0]}.",
        f"é.{token().partition('.')[2]}",
    ],
)
def test_any_other_does_not(bad: str) -> None:
    assert not holds(bad)


@pytest.mark.parametrize(
    ("header", "expected"),
    [("Bearer a.b.c", "a.b.c"), ("bearer a.b.c", "a.b.c"), ("Basic a.b.c", None), ("Bearer ab", None), ("", None)],
)
def test_a_header_holds_a_token_or_none(header: str, expected: Any) -> None:
    assert bearer(header) == expected
