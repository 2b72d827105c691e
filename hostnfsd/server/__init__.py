"""The host's NFS server: where its services listen, whether they answer and let us mount. Pure."""
