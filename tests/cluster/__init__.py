"""`make cluster-test`: a real Kubernetes, that of KUBECONFIG, else the one that `../shared/cluster/up` starts."""
