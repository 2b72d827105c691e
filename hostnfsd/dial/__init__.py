"""Dialling the host: from which source port, and RPC calls over what was dialled.

And how long anybody who is asked may take.
"""
