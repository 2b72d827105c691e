"""One gateway: its session and forwards, the probes through it, and the books that outlive them."""
