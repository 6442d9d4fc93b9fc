"""Control laws (one per file), velocity law and limits, stopping rule, and the servo that joins them."""
