"""What a device is and what it says: identity, topics, canonical reports, codecs and commands.

The most upstream room of the corridor: it imports nothing of Vigil and does no I/O, except in the
registry's adapters.
"""
