"""Test code that streams, with HTTP stubbed: `python -m unittest examples.test_with_stubs`."""

from __future__ import annotations

import unittest

import responses

from rig_sync import Agent, RateLimited, RetryPolicy
from rig_sync.providers import openai

BODY = """\
data: {"choices":[{"delta":{"content":"Once "}}]}

data: {"choices":[{"delta":{"content":"upon a time."},"finish_reason":"stop"}]}

data: [DONE]

"""
URL = "https://api.openai.com/v1/chat/completions"


class StoryTest(unittest.TestCase):
    def setUp(self) -> None:
        client = openai.Client("key", retries=RetryPolicy(attempts=1)).completions_api()
        self.addCleanup(client.close)
        self.agent: Agent = client.agent("gpt-5.5").build()

    @responses.activate
    def test_words_come_in_order(self) -> None:
        responses.post(URL, body=BODY, content_type="text/event-stream")
        words = list(self.agent.stream_prompt("Tell me a story.").text_deltas())
        self.assertEqual(words, ["Once ", "upon a time."])

    @responses.activate
    def test_no_quota(self) -> None:
        responses.post(URL, status=429, json={"error": {"message": "Slow down."}})
        with self.assertRaisesRegex(RateLimited, "Slow down"):
            list(self.agent.stream_prompt("Tell me a story."))
