"""The tests of METDC, and the independent witness: simulator and audit."""
