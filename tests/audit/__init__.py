"""The independent judge of what METDC stored.

It imports nothing of the product. Subjects, payload fields, canonical decimals, message ids, unit factors and aliases
are derived here a second time, from the wire contract alone, and compared with every stored message. No counter of the
product is believed.
"""
