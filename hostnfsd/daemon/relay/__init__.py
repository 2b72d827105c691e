"""Clients' connections: let in, carried, answered by ourselves, refused, counted, ended."""
