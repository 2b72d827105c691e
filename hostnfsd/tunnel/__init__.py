"""The decisions of a tunnel: phases, back-off, what a refusal means. Pure; no asyncio, no clock."""
