"""AWS's quotas: what is used of them, and connections that are held to them."""
