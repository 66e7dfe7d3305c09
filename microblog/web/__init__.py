"""The HTTP adapter: HTML pages (``html``), the Mastodon API (``api``), static files, health checks and metrics."""
