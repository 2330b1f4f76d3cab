"""The watcher of listings: what is new among a venue's notices and markets, told once."""
