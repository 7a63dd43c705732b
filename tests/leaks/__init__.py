"""The leak canary: nothing of a person leaves the terminal but to the hub, the card and the certificate centre."""
