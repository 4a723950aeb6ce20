"""The named scenarios: what the cloud does to an agent, as data, and whether the agent did right."""
