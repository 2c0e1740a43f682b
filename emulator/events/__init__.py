"""Delivery of events to webhooks, files and EventBridge."""
