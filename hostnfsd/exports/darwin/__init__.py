"""exports(5) of macOS, as nfsd reads it."""
