"""The HTTP server below all adapters: connections, requests, responses, routing, forms, cookies, caching.

It knows no service and no page.
"""
