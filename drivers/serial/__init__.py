"""Serial lines: device paths, `socket://` and `rfc2217://` addresses as byte streams; the way back after unplugging."""
