"""The wire contract: what METDC publishes, as plain data without I/O.

Everything here is versioned (:data:`metdc_collector.wire.trade.VERSION`); fields are only ever added. The operator and
consumers may import this package, and nothing else of the collector.
"""
