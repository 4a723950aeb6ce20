"""What is taken from moto in place, without HTTP: its state, objects, roles, keys and log groups."""
