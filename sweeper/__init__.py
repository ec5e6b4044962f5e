"""sweeper: hyper-parameter sweeps for fine-tuned text classifiers, with results a reviewer can believe."""
