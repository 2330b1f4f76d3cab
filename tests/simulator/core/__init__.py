"""What all simulated venues share: markets, pacing, sockets, limits, faults, ledger and control."""
