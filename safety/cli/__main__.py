"""`python -m safety.cli`: the command line without its console script."""

from safety.cli.main import main

main()
