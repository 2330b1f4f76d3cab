"""Specs of an ExchangeCollector, good and bad, over all fields and rules of the definition; for both of its validators.

A seed decides what surrounds the field in question; the rest follows from the definition. Without I/O but reading it.
"""
