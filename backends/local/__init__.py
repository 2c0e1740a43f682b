"""The registry itself: AWS's rules over rows, in this process."""
