"""What tools/mitos is made of; nothing here needs more than Python's standard library."""
