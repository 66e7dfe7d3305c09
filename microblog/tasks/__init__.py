"""What runs by the clock: jobs, mail, statistics."""
