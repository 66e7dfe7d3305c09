"""Streaming as the Mastodon client protocol has it: server-sent events, and one WebSocket for many streams.

===========  ====================================================================================
``names``    what clients call a stream, and which of ours it is
``frames``   an event as bytes on either wire, made once however many read it
``sockets``  one WebSocket: frames in and out, slow readers, heartbeat, farewell
``routes``   the addresses: who may, and how one begins
===========  ====================================================================================
"""

from microblog.web.streaming.routes import routes

__all__ = ["routes"]
