"""One level-triggered loop: what is seen goes into a store, keys into a queue, decisions come from pure functions."""
