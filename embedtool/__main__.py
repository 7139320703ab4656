"""`python -m embedtool` is the program."""

from embedtool.cli.main import main

if __name__ == "__main__":
    main()
