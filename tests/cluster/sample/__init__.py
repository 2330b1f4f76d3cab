"""The simulator's sample on a real cluster: collectors in pods, rotations, faults, judged by the audit."""
