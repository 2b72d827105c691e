"""``python -m hostnfsd``."""

from hostnfsd.cli.main import entry

if __name__ == "__main__":
    entry()
