"""What speaks HTTP: presigned downloads with ranges, and the operator's calls of the command line."""
