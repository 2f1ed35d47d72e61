"""What can be answered without the language: baselines, probes, networks trained again."""
