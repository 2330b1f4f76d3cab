"""OKX spot and swaps, on one port."""
