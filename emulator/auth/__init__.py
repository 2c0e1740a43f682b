"""Who may call: the Host check, signatures, and limits on failed attempts."""
