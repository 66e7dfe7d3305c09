"""The Mastodon client protocol's wire format, shared by the REST API, streaming and the push port."""
