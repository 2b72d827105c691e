"""The SSH transport below a session: address, keys, host key, TCP; and what asyncssh hides."""
