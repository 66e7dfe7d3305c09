"""The life of a process: start and stop, ports, logs, metrics, files of the installation."""
