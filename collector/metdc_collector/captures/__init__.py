"""Captures of listings: a coin's stored trades around a moment, what they lack, what they show, and where it is kept.

Pure parts first: :mod:`order` (what is asked), :mod:`completeness` (what is missing, and why), :mod:`moves` and
:mod:`ranking` (the formulas of ``docs/captures.md``), :mod:`analysis`, :mod:`drawing` and :mod:`report` (the page).
Then :mod:`gathering` (reading), :mod:`folder` (files), :mod:`store` (the bucket) and :mod:`run`, which ties them.
"""
