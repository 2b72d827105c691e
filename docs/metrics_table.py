"""Writes the tables in metrics.md: ``python docs/metrics_table.py``.

A test compares, so the page cannot drift from the program.
"""  # noqa: INP001  # a script beside the page it writes, not a package

from collections.abc import Iterable
from pathlib import Path

from hostnfsd.daemon.endpoints.rpc_metrics import KINDS
from hostnfsd.daemon.metric_table import TABLE
from hostnfsd.problem import Severity
from hostnfsd.services import Service
from hostnfsd.snapshot import FailureKind, Family, Phase, Reclaim, Refusal, ServiceState
from hostnfsd.sunrpc.programs import PROCEDURE_NAMES

PAGE = Path(__file__).with_name("metrics.md")
BEGIN = "<!-- tables: made by docs/metrics_table.py -->\n"
END = "<!-- end of tables -->\n"

LABELS: dict[str, Iterable[str]] = {
    "phase": Phase,
    "state": ServiceState,
    "service": Service,
    "family": Family,
    "kind of a failure": FailureKind,
    "kind of an error": KINDS,
    "reason of a loss": FailureKind,
    "reason of a refused connection": Refusal,
    "result": Reclaim,
    "side": ("host", "gateway"),
    "direction": ("to_host", "to_client"),
    "severity": Severity,
    "procedure": sorted(PROCEDURE_NAMES),
}


def tables() -> str:
    """Every metric, and every value a closed label can have."""
    text = "| metric | type | labels | meaning |\n|---|---|---|---|\n"
    for row in TABLE:
        labels = ", ".join(f"`{label}`" for label in row.labels)
        text += f"| `{row.name}` | {row.kind} | {labels} | {row.text} |\n"
    text += "\n| label | values |\n|---|---|\n"
    for label, values in LABELS.items():
        text += f"| {label} | {' '.join(f'`{value}`' for value in values)} |\n"
    for row in TABLE:
        if row.buckets:
            bounds = ", ".join(f"{bound:g}" for bound in row.buckets)
            text += f"\nBuckets of `{row.name}`: {bounds} seconds.\n"
    return text


def page(text: str) -> str:
    """The page with its tables as they should be."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{tables()}\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
