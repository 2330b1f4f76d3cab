"""How kopf's watches reach the API server."""

import dataclasses
import ssl
from typing import Any

import kopf


class Connection(kopf.ConnectionInfo):
    """A connection that trusts a cluster's own authority as kubectl does.

    Since Python 3.13, certificates are by default judged by the letter of RFC 5280, which authorities of many a
    cluster don't meet; the chain and the server's name are verified as before.
    """

    def as_ssl_context(self) -> ssl.SSLContext:
        """Return kopf's context without that strictness."""
        context = super().as_ssl_context()
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        return context


def login(**arguments: Any) -> Connection | None:
    """Take the credentials of the pod, else those that KUBECONFIG names; null without either."""
    found = kopf.login_with_service_account(**arguments) or kopf.login_with_kubeconfig(**arguments)
    if found is None:
        return None
    return Connection(**{field.name: getattr(found, field.name) for field in dataclasses.fields(found)})
