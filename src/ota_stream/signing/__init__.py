"""Code signing on one machine: platforms, profiles, keys, signatures and signing jobs."""
