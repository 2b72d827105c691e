"""Dialling the host: from which source port, and RPC calls over what was dialled."""
