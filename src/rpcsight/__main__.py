"""`python -m rpcsight`."""

from rpcsight.cli import main

main()
