"""The way to the provider: HTTP, server-sent events, deadlines and retries."""
