"""The push port: live posts over one raw TCP connection, line by line.

===============  ==============================================================================
``commands``     the grammar of a client's lines, without side effects
``replies``      the grammar of the server's lines, without side effects
``rendering``    events as lines for people, or as lines of JSON for programs
``context``      what connections and sessions need from the factory
``session``      what each command does, through the services
``connection``   one connection: framing, order of answers, slow clients, closing
``push``         the factory: shared state, limits, heartbeat, drain
===============  ==============================================================================
"""
