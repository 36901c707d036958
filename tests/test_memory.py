"""A process that computes on the CPU keeps the memory that it frees."""

import sys

import pytest
from conftest import ROOT, command

TWICE = """
import resource, numpy as np
from galaxy.core.runtime import keep_freed_memory
{call}
def pages():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    array = np.ones(25_000_000)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
pages()
print(pages())
"""
"""Prints how many pages the system gives for a large array after one of that size was freed."""


@pytest.mark.skipif(sys.platform != "linux", reason="what it sets is glibc's")
def test_a_large_array_takes_the_place_of_one_that_was_freed():
    given, kept = (
        int(command(sys.executable, "-c", TWICE.format(call=call), folder=ROOT).stdout)
        for call in ("", "keep_freed_memory()")
    )
    assert kept < given / 20
