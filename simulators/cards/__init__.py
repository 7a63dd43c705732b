"""A social-security card in software: images as data, and an ISO 7816-4 machine that answers like the card."""

from simulators.cards.image import Application, CardImage, File, ImageError, image_for, load_image, save_image
from simulators.cards.machine import CardMachine, Transport

__all__ = [
    "Application",
    "CardImage",
    "CardMachine",
    "File",
    "ImageError",
    "Transport",
    "image_for",
    "load_image",
    "save_image",
]
