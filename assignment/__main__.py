"""The program `assignment`, also as `python -m assignment`."""

import gc
import sys


def main() -> None:
    """Run the command line; Ctrl-C while it is being loaded is no traceback either."""
    gc.disable()  # what a command makes are mostly modules, which stay: looking for garbage took a seventh of its time
    try:
        from assignment.cli.app import main as run
    except KeyboardInterrupt:
        print("stopped before anything was begun", file=sys.stderr)
        sys.exit(130)
    try:
        run()
    finally:
        gc.freeze()  # nor need the interpreter look for any when it ends, which takes as long again


if __name__ == "__main__":
    main()
