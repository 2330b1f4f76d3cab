"""From a trade to its acknowledgement: stored once, in order, or still known not to be."""
