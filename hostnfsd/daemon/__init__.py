"""All asyncio lives here: sockets, SSH, timers, endpoints.

Decisions are made in the packages below; what is here carries them out.
"""
