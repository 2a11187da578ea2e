"""The HTTP door: devices, apps and servers that send by HTTP instead of MQTT, under `/gateway`.

The same admission, the same log and the same rule as over MQTT: 200 means that all of it is durable.
"""
