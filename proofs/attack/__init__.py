"""Attack a stack of its own: thousands of bad requests, and a search for leaks.

- `target`: the stack that is attacked: tenants, keys, how it is spoken to
- `bad_requests`: one bad request, and what may become of it
- `by_hand`: keys, scopes, tenants, ids, queries and headers, route by route
- `bodies`: bodies, for every route that takes one
- `forgeries`: callbacks that Plivo did not send
- `generated`: requests that schemathesis makes from openapi.yaml
- `internal_urls`: callback URLs that lead inside
- `traversal`: everything that the service does, with numbers to look for
- `evidence`: everything that came out of a stack
- `pii_scan`: the search for numbers and PINs in every form
- `run`: all of it, and its report
"""
