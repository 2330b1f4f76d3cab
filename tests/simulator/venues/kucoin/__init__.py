"""KuCoin spot and futures of the classic API, each on a port of its own."""
