"""Test code that plays what was recorded: `python -m unittest examples.test_with_cassettes`."""

from __future__ import annotations

import unittest
from pathlib import Path

import vcr

from rig_sync.providers import openai

RECORDER = vcr.VCR(
    cassette_library_dir=str(Path(__file__).parent / "cassettes"),
    record_mode="none",  # "once" records what is not there yet
    filter_headers=[  # where providers and proxies take keys: a cassette has none of them
        "api-key",
        "authorization",
        "cookie",
        "proxy-authorization",
        "x-amz-security-token",
        "x-api-key",
        "x-goog-api-key",
    ],
)


class StoryTest(unittest.TestCase):
    def test_a_story(self) -> None:
        with RECORDER.use_cassette("story.yaml"), openai.Client("key").completions_api() as client:
            agent = client.agent("gpt-5.5").build()
            final = agent.prompt("Tell me a story.", stream=True)
        self.assertEqual(final.output, "Once upon a time.")
