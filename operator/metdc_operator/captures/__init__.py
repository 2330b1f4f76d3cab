"""What a ListingCapture asks for: one Job, and a status from what its pod says.

Pure parts first: :mod:`capture` (the resource), :mod:`manifests` (Job and network policy), :mod:`state` (what the
status is to say) and :mod:`news` (what is told as events). Then :mod:`loop`, which looks and writes.
"""
