"""Commands for whoever operates a deployment, on this machine or in AWS."""
