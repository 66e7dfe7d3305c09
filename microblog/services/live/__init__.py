"""The core of all live surfaces: the event log, the dispatcher, groups of subscribers and their positions."""
