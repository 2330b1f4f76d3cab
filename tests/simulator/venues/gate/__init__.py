"""Gate spot and USDT futures, on one port."""
