"""What the daemon tells: metrics, health, status and page over HTTP, and the control socket."""
