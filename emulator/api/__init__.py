"""The registry's own calls and the extension API, over HTTP."""
