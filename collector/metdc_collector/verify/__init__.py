"""Verification: what we assume of a venue, beside what it does. Pure but for :mod:`~metdc_collector.verify.run`."""
