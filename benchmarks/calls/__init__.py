"""The call engine beside raw aiohttp and litellm, against a server on loopback."""
