"""The logs service: what AWS IoT would write about each request, and who may see it (docs/wire.md)."""
