"""Attack a fresh local stack: thousands of bad requests, and a search for leaks.

=============  ==================================================================
``marks``      what must not leak, and the search for every form of it
``evidence``   everything that came out of a stack
``target``     the stack that is attacked: tenants, keys, a session of each
``gateway``    keys, scopes, tenants, ids, queries, headers, by hand, route by route
``bodies``     bodies, by hand
``forgeries``  callbacks that Plivo did not send
``listener``   a server that takes what comes
``walk``       everything that the service does, with numbers to look for
``shots``      one bad request, and what became of it
``inside``     callback URLs that lead inside
``made_up``    requests made up from openapi.yaml
``course``     all of it, and the table
=============  ==================================================================
"""
