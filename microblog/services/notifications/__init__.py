"""Notifications: writing them in the transaction of their cause, reading them, grouping them, filtering them."""
