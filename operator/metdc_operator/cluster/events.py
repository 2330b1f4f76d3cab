"""The events that the operator posts about its resources, for people."""

import logging
from collections.abc import Iterable
from datetime import UTC, datetime

from metdc_operator.cluster.api import ApiError
from metdc_operator.cluster.calls import Calls
from metdc_operator.notices import Notice, record
from metdc_operator.records import Meta

log = logging.getLogger(__name__)


async def post(calls: Calls, notices: Iterable[Notice], *, kind: str, meta: Meta, identity: str) -> None:
    """Post notices about an object, each as an event; ``identity`` is the operator's.

    One that is refused is logged and left: what it tells stands in the status, too.
    """
    for notice in notices:
        event = record(notice, kind=kind, meta=meta, identity=identity, moment=datetime.now(UTC))
        try:
            await calls.post_event(meta.namespace, event)
        except ApiError as error:
            log.warning("%s/%s: an event could not be posted: %s", meta.namespace, meta.name, error)
