"""The Kubernetes API: raw requests by ``kubernetes.aio``, and the few calls that the operator makes."""
