"""Who gets a message, and what is still owed to whom."""
