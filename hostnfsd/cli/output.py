"""Telling a person on stderr what went wrong: the error, its cure, and every problem it carries."""

import sys

from hostnfsd.errors import ConfigError, HostnfsdError


def report(error: HostnfsdError) -> None:
    """Print an error: problems first, the sentence that sums them up last."""
    if isinstance(error, ConfigError):
        for problem in error.problems:
            print(problem.render(), file=sys.stderr)
    print(f"hostnfsd: {error}", file=sys.stderr)
    if error.hint is not None:
        print(f"    hint: {error.hint}", file=sys.stderr)
