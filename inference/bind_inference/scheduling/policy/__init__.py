"""This package decides who waits, who is next and whose vector is known. Pure: the time is an argument."""
