"""Configuration: a TOML text becomes one frozen :class:`~hostnfsd.config.model.Config`, or problems."""
