"""HTTP itself: sockets, connections, bodies; knows no registry."""
