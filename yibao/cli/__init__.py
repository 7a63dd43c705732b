"""The command `yibao`: each module here holds some of its commands; heavy imports stand inside them."""
