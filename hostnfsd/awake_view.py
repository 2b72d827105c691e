"""Whether this machine is kept from falling asleep, as the daemon tells it."""

from dataclasses import dataclass

from hostnfsd.readable import duration


@dataclass(frozen=True, slots=True)
class AwakeView:
    """What ``host.keep_awake`` amounts to now.

    Attributes:
        mode: its value.
        held: whether the machine is kept awake.
        since: when that came to be so.
        worked: when a client was last seen at work; None: not since the daemon started.
        needless: why there is nothing to hold on this machine; None while that is not known.
        error: why it cannot be held though it should be.
        hint: what a person can do about that.
    """

    mode: str
    held: bool
    since: float
    worked: float | None = None
    needless: str | None = None
    error: str | None = None
    hint: str | None = None

    def sentence(self, now: float) -> str | None:
        """For people, at ``now``; None where it is not held."""
        if not self.held:
            return None
        for_s = duration(now - self.since)
        if self.mode == "always" or self.worked is None:
            return f"this machine has been kept awake for {for_s} (host.keep_awake)"
        ago = duration(now - self.worked)
        return f"this machine has been kept awake for {for_s}: clients worked {ago} ago"
