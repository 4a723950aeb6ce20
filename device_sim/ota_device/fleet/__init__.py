"""Many simulated things in one process: the engine, what each thing does, what is counted, and what is told of it."""
