"""The website and everything else that speaks HTTP.

From the socket upwards: ``site`` (connections, deadlines, draining) and ``guard`` (what is refused before it is a
request), ``website`` (the one Klein app over every table of routes), ``routing`` (the declarations that pages are
written with), ``request`` and ``responses`` (what a page takes and gives), ``errors`` (the domain's errors as answers).
``context`` holds what all pages share.
"""
