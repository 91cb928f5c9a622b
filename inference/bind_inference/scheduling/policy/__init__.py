"""Who waits, who is next and whose vector is known already. Pure: the time is an argument."""
