"""Delivery of events: the dispatcher, its sinks, and webhooks."""
