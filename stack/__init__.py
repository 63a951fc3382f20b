"""Run Maskline on one machine: the embedded AWS, the Plivo simulator, the demo."""
