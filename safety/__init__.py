"""The log in, alerts out, people reached."""
