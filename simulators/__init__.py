"""Devices from outside: they speak MQTT and HTTP as any device would, and import `devices` only.

Phones, recorders and buttons (`device`, `phone`, `recorder`, `button`), how they move and mismeasure
(`movement`, `noise`, `streets`), the demo's story (`demo`, `stories`, `roster`), scenarios with
expectations (`scenario`, `run`) and load (`load`).
"""
