"""What an ExchangeCollector asks for, as objects: pods' configurations, Deployments, budgets, a network policy. Pure.

A pod's configuration rides in its own template, as the annotation ``metdc.io/config``, and reaches the container as a
file through the downward API; so nothing changes under a running pod, and nothing is left to collect.
"""
