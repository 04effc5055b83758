"""Reads OpenMetrics texts, one JSON string a line, and answers with their families or an error, one JSON object a line."""

import json
import re
import sys

from prometheus_client.openmetrics.parser import text_string_to_metric_families

ESCAPE = re.compile(r'\\[\\n"]')


def number(value):
    # JSON has no words for NaN and the infinities.
    return repr(float(value))


def families_of(text):
    return [
        {
            'name': family.name,
            'type': family.type,
            'unit': family.unit,
            'help': family.documentation,
            'samples': [
                {
                    'name': sample.name,
                    'labels': sample.labels,
                    'value': number(sample.value),
                    'exemplar': sample.exemplar
                    and {'labels': sample.exemplar.labels, 'value': number(sample.exemplar.value)},
                }
                for sample in family.samples
            ],
        }
        for family in text_string_to_metric_families(text)
    ]


def refuse_what_the_parser_overlooks(text, families):
    """The parser of 0.16 keeps unknown escapes as they are, and drops a sample that follows itself."""
    lines = text.split('\n')
    for line in lines:
        if '\\' in ESCAPE.sub('', line):
            raise ValueError('Unknown escape: ' + line)
    written = sum(1 for line in lines if line != '' and not line.startswith('#'))
    read = sum(len(family['samples']) for family in families)
    if read != written:
        raise ValueError(f'{written} samples are written, of which {written - read} come twice')


for request in sys.stdin:
    try:
        text = json.loads(request)
        families = families_of(text)
        refuse_what_the_parser_overlooks(text, families)
        answer = {'families': families}
    except Exception as error:
        answer = {'error': str(error) or type(error).__name__}
    print(json.dumps(answer), flush=True)
