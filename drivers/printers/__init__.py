"""Receipt printers."""
