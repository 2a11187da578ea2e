"""The durable log: one port, its adapters, one contract suite for all of them."""
