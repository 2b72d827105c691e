"""hostnfsd keeps a host's NFS exports mountable behind an SSH gateway."""

__version__ = "0.1.0"
