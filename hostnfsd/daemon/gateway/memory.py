"""What the sessions of one gateway hand on to each other."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from hostnfsd.config.model import Config
from hostnfsd.daemon.gateway.board import Board
from hostnfsd.daemon.gateway.own_sessions import OwnSessions
from hostnfsd.quiet import Quiet
from hostnfsd.reload import specs
from hostnfsd.services import Service
from hostnfsd.tunnel.gateway import Survey, client_addresses


@dataclass(slots=True)
class Memory:
    """It outlives sessions.

    Attributes:
        gateway: its name.
        board: the states of the services.
        quiet: what was logged lately.
        survey: what the gateway told about itself last; None while it never did.
        surveyed: whether it has been asked, with or without success.
        seen: services that have ever answered.
        host_up: whether each service answers at the host; empty while nobody looks.
        own: our sessions there, those of earlier runs included; None where nobody remembers them.
        admits: whether clients of an address may come in, as far as is known.
    """

    gateway: str
    board: Board
    quiet: Quiet = field(default_factory=Quiet)
    survey: Survey | None = None
    surveyed: bool = False
    seen: set[Service] = field(default_factory=set)
    host_up: dict[Service, bool] = field(default_factory=dict)
    own: OwnSessions | None = None
    admits: Callable[[str], bool] = lambda _address: True

    def learn(self, found: Survey | None) -> bool:
        """Keep what a survey found; one that failed makes nobody forget.

        Returns:
            Whether more or something else is known than before.
        """
        news = not self.surveyed or (found is not None and found != self.survey)
        self.surveyed = True
        if found is not None:
            self.survey = found
        return news

    def client_addresses(self, config: Config) -> tuple[str, ...]:
        """How clients reach the gateway: as configured, else as discovered."""
        configured = config.gateway[self.gateway].client_address
        return client_addresses(self.survey, configured, self.admits)

    def discovered_addresses(self) -> tuple[str, ...]:
        """How clients reach the gateway, whatever is configured."""
        return client_addresses(self.survey, (), self.admits)

    def expect(self, config: Config) -> None:
        """Let the board show what this configuration carries, in the families clients come in."""
        wanted = specs(config, self.gateway)
        self.board.expect(wanted, self.client_addresses(config), time.time())
