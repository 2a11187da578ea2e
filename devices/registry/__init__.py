"""The registry: which devices exist, whose they are, and how they prove it."""
