"""The composition root: from settings to a pipeline. The only importer of concrete backends."""
