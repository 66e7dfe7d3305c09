"""The push port: live posts over one raw TCP connection, line by line.

================  =====================================================================================
``commands``      what a client may say: the grammar, pure
``replies``       what the server answers, and what it says unasked: pure, too
``rendering``     an event as a line for people, or as a line of JSON for programs
``allowances``    how often one may: commands a second, log-ins a minute
``conversation``  what each command does, through the services
``connection``    one connection: framing, order, slow readers, farewell
``push``          the factory: what all connections share, limits, heartbeat, drain
================  =====================================================================================
"""
