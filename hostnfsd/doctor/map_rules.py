"""Map rules of an export against who asks: what clients may do, and whose files they make. Pure."""

from hostnfsd.exports.model import Squash, Terms
from hostnfsd.exports.overview import identity_text, rights_text


def told(path: str, terms: Terms, caller: int) -> str:
    """One export in a row.

    Args:
        path: that is exported.
        terms: on which the tunnel's clients get it.
        caller: uid of who asks; of root nobody has files.
    """
    return f"{path}: {rights_text(terms)}; {identity_text(terms)}{_against(terms, caller)}"


def _against(terms: Terms, caller: int) -> str:
    if terms.squash is not Squash.ALL or terms.uid is None or caller == 0:
        return ""
    if terms.uid == caller:
        return ", which is you: what they write is yours"
    return f", not as you ({caller}): what they write is not yours"
