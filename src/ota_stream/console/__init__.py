"""The web console: what a person looks at, each page with a JSON twin."""
