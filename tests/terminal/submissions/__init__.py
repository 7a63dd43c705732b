"""Messages that change the hub outside a settlement, over an in-process hub."""
