"""`python -m plimsoll.tasks`: what `./inv` runs."""

from plimsoll.tasks._program import main

main()
