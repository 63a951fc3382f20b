"""Maskline: what every function shares.

The rules (`sessions`, `contract`, `events`, `recordings`, `changes`, `signature`,
`blank`, `erasures`) know no network and no clock of their own. One module each speaks
to the outside: `carrier` to Plivo's API, `origin` to recordings at Plivo, `table` to
DynamoDB (`erasure_table` where erasing needs more), `bucket` to S3, `bus` to
EventBridge, `web` to API Gateway. The use cases (`create`, `update`, `receive`,
`publish`, `store`, `expire`, `reconcile`, `erase`) tie them together and take what they
need as parameters; `wiring` builds it.
"""
