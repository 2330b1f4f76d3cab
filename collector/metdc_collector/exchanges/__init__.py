"""The venues' adapters, and the table that finds them."""
