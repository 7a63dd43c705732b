"""The social-security card (社会保障卡): its files, what is wrong with one, and the dialogue that reads it."""
