"""What requests cost: prices, estimates before they are sent, caps, and what was spent."""
