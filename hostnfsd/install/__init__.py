"""Installing the service: a plan of actions is decided first, then shown or carried out."""
