"""`python -m embedtool` is the program."""

from embedtool.cli.main import main

main()
