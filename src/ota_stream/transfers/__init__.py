"""Which blocks of a stream each thing was sent, for a person to look at: reads all, changes nothing."""
