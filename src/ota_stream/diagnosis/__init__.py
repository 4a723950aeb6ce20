"""Diagnosis: what is wrong with the way a device talks to the cloud, and what to do about it."""
