"""Where state lives that outlasts a request."""
