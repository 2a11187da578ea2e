"""The HTTP API and the live feed: what dispatchers and scripts see (FastAPI)."""
