"""The services behind somebody else's broker: workers that share requests, streams and records, and keep no state."""
