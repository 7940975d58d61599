"""What the user configured: pure data, and how it is found."""
