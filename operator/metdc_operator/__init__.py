"""METDC's operator: what an ExchangeCollector asks for, made of pods in a cluster or of processes on one machine."""
