"""OTA updates: a signed image, its stream and its job, made from one call (spec section 4)."""
