"""LoRaWAN devices: what their bytes mean, one small registered function each."""
