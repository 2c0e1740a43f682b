"""A backend on the network: AWS JSON 1.1 over HTTP, and every other AWS call beside it."""
