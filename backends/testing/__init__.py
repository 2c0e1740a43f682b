"""Test control: faults, a clock, the log of requests, snapshots."""
