"""The registry API and the extension API over HTTP."""
