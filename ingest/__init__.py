"""MQTT and HTTP in, the durable log out, commands back down.

The hot path: subscriber → admission → log append → acknowledgement. It knows devices/ and nothing of
what is done with the log.
"""
