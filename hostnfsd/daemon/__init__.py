"""All asyncio lives here: sockets, SSH, timers, endpoints.

Decisions are made in the packages below; what is here carries them out. ``service`` is the whole;
``gateway`` supervises one gateway, ``relay`` carries its clients, ``host`` knows the NFS server,
``exports`` follows what it exports, ``ssh`` speaks to sshd, ``endpoints`` tell of all of it.
"""
