"""What is stored, read back: streams found by subject, trades in a fixed order, files of them."""
