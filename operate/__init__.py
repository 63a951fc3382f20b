"""The command `maskline`, for whoever operates a deployment."""
