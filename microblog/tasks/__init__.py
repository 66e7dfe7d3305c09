"""Background work: the job queue, mail, statistics, pruning."""
