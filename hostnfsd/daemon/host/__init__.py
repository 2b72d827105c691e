"""The host's NFS server: where its services are, if they answer, if they let us mount."""
