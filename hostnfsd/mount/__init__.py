"""What a client must run or apply to mount an export through a gateway. Pure.

:mod:`~hostnfsd.mount.plan` decides the mount, :mod:`~hostnfsd.mount.kinds` has one way to write it
for each kind of client.
"""
