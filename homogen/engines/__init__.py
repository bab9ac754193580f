"""Engines draw answers. An engine is anything with ``identity`` and ``generate(prompts, spec)``; one file each."""
