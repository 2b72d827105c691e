"""A person and a program to install for, on either platform."""

from dataclasses import replace
from pathlib import PurePosixPath

from hostnfsd.install.plan import Person, Program

ADA = Person(
    name="ada",
    uid=501,
    home=PurePosixPath("/home/ada"),
    config_home=PurePosixPath("/home/ada/.config"),
)
MAC_ADA = replace(
    ADA, home=PurePosixPath("/Users/ada"), config_home=PurePosixPath("/Users/ada/.config")
)
PROGRAM = Program(
    command=("/opt/hostnfsd/bin/hostnfsd",),
    config=PurePosixPath("/etc/hostnfsd/hostnfsd.toml"),
    version="1.2.3",
    drain_timeout_s=10.0,
)
