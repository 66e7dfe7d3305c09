"""Writing to sockets: buffers with a limit, and connections whose peer has gone."""
