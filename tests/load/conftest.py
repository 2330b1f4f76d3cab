"""The servers of the integration tests serve here too."""

from tests.integration.conftest import nats

__all__ = ["nats"]
