"""The operator's console: what a deployment does, in a terminal.

`reads` asks the deployment, `app` shows it.
"""
