"""Training of the small relative depth model on rendered scenes."""
