"""Tests of the examination of live endpoints."""
