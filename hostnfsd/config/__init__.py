"""Configuration: a TOML text becomes a :class:`~hostnfsd.config.model.Config`, or problems."""
