"""House rules that no off-the-shelf tool checks; ``python -m tests.checks`` runs those that only read files."""
