"""YAML, for Kubernetes and compose."""

import io
from collections.abc import Mapping


def document(content: Mapping[str, object]) -> str:
    """One document, without a separator; ends with a newline.

    Any text without line breaks comes back from a YAML reader as it went in.
    """
    import yaml  # noqa: PLC0415  # half of the kinds do without

    out = io.StringIO()
    yaml.safe_dump(
        dict(content),
        out,
        sort_keys=False,
        allow_unicode=True,
        # A line is never folded: what is to be copied stays in one piece.
        width=float("inf"),
    )
    return out.getvalue()
