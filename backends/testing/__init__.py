"""Test control: reset, snapshots, a clock, faults and a request log."""
