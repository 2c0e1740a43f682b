"""Approval policies: profiles, rules, and the evaluation of changes."""
