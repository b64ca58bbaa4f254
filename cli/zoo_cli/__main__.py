"""`python -m zoo_cli` is `zoo`."""

from zoo_cli.main import main

main()
