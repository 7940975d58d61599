"""Running the app, and running programs that talk to it."""
