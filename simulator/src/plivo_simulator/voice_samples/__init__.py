"""Run samples of what users of Plivo write, and print who heard what, and when."""
