"""The jobs service: executions of a job on things, what devices ask of them over MQTT and what an operator does."""
