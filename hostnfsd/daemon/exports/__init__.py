"""The host's exports file: followed, judged, and told to the server."""
