"""``python -m pneumoscope``, as torchrun and other launchers call it."""

from pneumoscope.cli import main

if __name__ == "__main__":
    main()
