"""METDC's collector: one market's public trades, from the exchange's socket to NATS JetStream, exactly once."""
