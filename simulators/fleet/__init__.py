"""The far end of the fleet channel: a real broker of our own (`broker`) and a small fleet server (`server`)."""
