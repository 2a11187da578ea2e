"""The rules: pure steps, one module each: `step(state, record) -> effects`.

No clock, randomness, I/O or logging in here: time comes in as ticks and as the reports' own times.
"""
