"""The command line: what operators and scripts type, one module per noun."""
