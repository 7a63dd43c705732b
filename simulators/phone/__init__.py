"""The insured person's phone: `phone` shows fresh certificate codes, `server` is the page on which people look at it."""

from simulators.phone.phone import MODULE_DOTS, Phone, draw_code

__all__ = ["MODULE_DOTS", "Phone", "draw_code"]
