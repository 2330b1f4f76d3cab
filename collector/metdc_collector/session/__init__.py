"""One task owns one connection to a venue: connects, subscribes, keeps it alive, replaces it."""
