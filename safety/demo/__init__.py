"""The demo: an invented organisation in Shanghai, and simulated devices that act out its day."""
