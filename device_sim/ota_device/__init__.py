"""The device half: simulated hardware that downloads stream files from whatever serves them."""
