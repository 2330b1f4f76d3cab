"""``make chaos SEED=7 SCHEDULE=short|long``: every fault, every venue, and what each of them cost by the audit."""
