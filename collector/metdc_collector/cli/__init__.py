"""The command line ``metdc``: the only part that knows click and rich (extra ``cli``); a pod runs without it."""
