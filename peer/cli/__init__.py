"""The command ``msrp``: its options, its sub-commands, and what it says."""
