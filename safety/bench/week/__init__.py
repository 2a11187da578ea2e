"""A week of a large service as rows of the store: seeded, so that the same size gives the same rows."""
