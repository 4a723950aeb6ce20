"""Where things are kept: the log group's journal, the data directory and the firmware files."""
