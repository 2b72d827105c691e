"""exports(5) of Linux, as exportfs(8) of nfs-utils reads it."""
