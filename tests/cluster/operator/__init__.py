"""The operator as a process on this machine, against a real API server; its collectors' pods are mostly fake."""
