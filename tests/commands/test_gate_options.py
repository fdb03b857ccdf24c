"""Every threshold has its option."""

from dataclasses import fields

import click
from planish.commands.gate_options import GATES, gate_options
from planish.runtime_check.gates import OF_ONE_MODEL, Thresholds


def test_options_are_the_fields_of_thresholds():
    assert {field.name for field in fields(Thresholds)} == set(GATES)
    assert set(GATES) >= OF_ONE_MODEL


def test_values_arrive_under_the_names_of_the_fields():
    @click.command()
    @gate_options
    def command(**settings):
        return settings

    given = command.main(["--max-file-mb", "1.5", "--min-quality", "90"], standalone_mode=False)
    assert {name: value for name, value in given.items() if value is not None} == {
        "max_file_mb": 1.5,
        "min_quality": 90.0,
    }
