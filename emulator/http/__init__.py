"""The HTTP server: sockets, connections and request bodies."""
