"""The embedded MQTT broker: what one command needs so that no other has to be installed.

It speaks MQTT 3.1.1 to the devices of one machine, knows them by the registry, and acknowledges a
device's publish only after ingest has acknowledged it. Whatever grows beyond one machine points Vigil at
another broker instead.
"""
