"""Measure the request units of each operation: `make units`.

Everything that an operation sets off is summed up, indexes included: the request's
own path and the stream's handler after it. The table is the template's, in a stack of
its own, holding 200, 2,000 and then 20,000 sessions.

- `capacity`: work out units from the sizes of items, as AWS counts them
- `meter`: sum up what DynamoDB says that requests consumed
- `operations`: the operations, each with its path and its stream
- `budget`: what each may cost
- `run`: measure at all sizes, and compare with the budget
"""
