"""`make e2e`: the chart on a real Kubernetes, as a new user installs it, what befalls an installation, the audit."""
