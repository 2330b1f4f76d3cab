"""The Kubernetes API: raw requests with kopf's credentials, and the few calls that the operator makes."""
