"""Streaming for the Mastodon client protocol: server-sent events, and a WebSocket for many streams.

===================  =================================================================================
``names``            the protocol's names of streams, and the streams of this site behind them
``frames``           events as bytes for both transports, rendered once for all readers
``sockets``          one WebSocket: frames in and out, slow clients, heartbeat, closing
``client_messages``  what a WebSocket client sends, and the messages that refuse it
``subscriptions``    the readers of a WebSocket at the event dispatcher
``conversations``    the stream ``direct``
``routes``           the addresses: authentication, handshake, server-sent events
===================  =================================================================================
"""

from microblog.web.streaming.routes import routes

__all__ = ["routes"]
