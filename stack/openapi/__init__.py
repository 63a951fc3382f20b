"""Write `openapi.yaml` from the models, and show it as a page.

- `schemas`: requests and answers as JSON Schema, from the product's own models
- `operations`: what each function takes and answers, one entry each
- `document`: the routes of `template.yaml` put together with these
- `page`: the same for people, served at `/docs` of the local stack
"""
