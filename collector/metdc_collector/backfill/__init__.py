"""What could not be streamed: noticed, looked for over REST, and written into the gap ledger."""
