"""Host and Origin checks, request signatures, and rate limits for failed authentication."""
