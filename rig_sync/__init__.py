"""rig_sync: streams from language models, in plain synchronous Python."""
