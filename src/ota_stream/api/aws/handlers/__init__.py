"""The operations of ours, by what they are about: each module exports its rows for the table of operations."""
