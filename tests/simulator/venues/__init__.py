"""The simulated venues, one package each, all of the shape that `tests.simulator.core.venue` describes."""
