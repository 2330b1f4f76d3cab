"""The operator without a cluster: the same rotation, status and manifests, driving processes in place of pods."""
