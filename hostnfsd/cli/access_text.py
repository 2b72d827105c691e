"""Who may come in, and what would let those in who were refused: for ``status --clients``. Pure."""

from collections.abc import Iterator

from hostnfsd.access_view import Remedy
from hostnfsd.cli.columns import Cell
from hostnfsd.snapshot import GatewayView, Refusal, RefusedView, Snapshot

Line = tuple[Cell, ...]


def lines(snapshot: Snapshot) -> Iterator[Line]:
    """Who is admitted at each gateway, then everybody who was not, each once."""
    for gateway in snapshot.gateways:
        yield from _admitted(gateway)
    told: set[tuple[str, str]] = set()
    # The latest word on each counts.
    for refused in reversed(snapshot.refused):
        who = (refused.gateway, refused.host)
        if refused.reason is Refusal.NOT_ADMITTED and who not in told:
            told.add(who)
            yield from _refused(refused, snapshot)


def _admitted(gateway: GatewayView) -> Iterator[Line]:
    access = gateway.access
    if access.admitted:
        yield ((f"admitted at {gateway.name}:", "bold"),)
        yield from (((f"  {text}", "plain"),) for text in access.admitted)
    elif access.error is not None:
        yield ((f"nobody is admitted at {gateway.name}:", "bad"),)
        yield ((f"  {access.error}", "bad"),)
        yield ((f"  hint: {access.hint}", "soft"),)
    else:
        yield ((f"who is admitted at {gateway.name} is not known yet", "warn"),)


def _refused(refused: RefusedView, snapshot: Snapshot) -> Iterator[Line]:
    yield ((f"{refused.host} was not admitted at {refused.gateway}:", "warn"),)
    yield ((f"  {refused.text}", "plain"),)
    remedy = refused.remedy or Remedy()
    if remedy.allow is not None:
        yield ((f"  to admit it, [access] in {snapshot.config_path}:", "soft"),)
        yield ((f"    {remedy.allow}", "plain"),)
    if remedy.exports:
        yield ((f"  or in {remedy.place}, beside what is there:", "soft"),)
        yield from (((f"    {text}", "plain"),) for text in remedy.exports)
