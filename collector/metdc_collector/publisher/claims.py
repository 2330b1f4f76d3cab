"""Which spooled trades the stream holds, or is about to: found by comparing all of it once. Pure."""

from array import array
from bisect import bisect_left

_BUCKETS = 256


class Claims:
    """Message ids that are spooled, each with whether somebody has stored it or is to publish it.

    It grows with the spool, not with the stream: 9 bytes an id, so 27 MB for 3 million. An id is known by the 64 bits
    of Python's own hash, which is keyed anew in each process: that any of 3 million spooled trades is taken for one of
    as many others, and so left out, has odds of one in two million. The table is cut in parts by the lowest bits, since
    an array can't be sorted in place.
    """

    def __init__(self) -> None:
        self._ids = [array("q") for _ in range(_BUCKETS)]
        self._taken: list[bytearray] = []
        self._early = array("q")

    def expect(self, message_id: str) -> None:
        """A trade of that id is spooled."""
        number = hash(message_id)
        self._ids[number % _BUCKETS].append(number)

    def arrange(self, place: int) -> None:
        """Prepare one of the :attr:`parts` of the table; nothing is expected any more."""
        self._ids[place] = array("q", sorted(self._ids[place]))

    @property
    def parts(self) -> int:
        """How many parts have to be prepared: sorting is done a part at a time, for the sake of the event loop."""
        return _BUCKETS

    def start(self) -> None:
        """All parts are prepared: claims are answered from now on."""
        self._taken = [bytearray(len(ids)) for ids in self._ids]
        for number in self._early:
            self._claim(number)
        self._early = array("q")

    def note(self, message_id: str) -> None:
        """That trade is stored, or will be by somebody else than the spool."""
        if self._taken:
            self._claim(hash(message_id))
        else:
            self._early.append(hash(message_id))

    def claim(self, message_id: str) -> bool:
        """Take it upon oneself to publish a spooled trade; whether nobody has done so yet."""
        return self._claim(hash(message_id))

    def _claim(self, number: int) -> bool:
        part = number % _BUCKETS
        ids, taken = self._ids[part], self._taken[part]
        place = bisect_left(ids, number)
        if place == len(ids) or ids[place] != number or taken[place]:
            return False
        taken[place] = 1
        return True
