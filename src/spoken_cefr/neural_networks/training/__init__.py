"""From examples to a trained model: balance, batches, device, loop."""
