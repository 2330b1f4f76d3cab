"""Bybit spot and linear contracts, on one port."""
