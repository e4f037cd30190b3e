"""`python -m assignment`."""

from assignment.cli import main

if __name__ == "__main__":
    main()
