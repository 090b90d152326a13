"""End to end: real software on the other side."""
