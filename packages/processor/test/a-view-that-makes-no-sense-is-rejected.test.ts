import { AggregationType, type ViewOptions } from '@opentelemetry/sdk-metrics'
import { expect, test } from 'vitest'
import { Views } from '../src/buffer/views.ts'

const { EXPLICIT_BUCKET_HISTOGRAM, EXPONENTIAL_HISTOGRAM } = AggregationType
const explicit = (options: object) => ({
  instrumentName: 'a',
  aggregation: { type: EXPLICIT_BUCKET_HISTOGRAM, options },
})
const exponential = (options: object) => ({
  instrumentName: 'a',
  aggregation: { type: EXPONENTIAL_HISTOGRAM, options },
})

test.each([
  ['no selection criterion', {}, TypeError, ' must have at least one of instrumentName, .*meterSchemaUrl, got {}'],
  [
    'no selection criterion beside a name',
    { name: 'b' },
    TypeError,
    ' must have at least one of instrumentName, .*, got {"name":"b"}',
  ],
  ['null', null, TypeError, ' must be an object with selection criteria, got null'],
  ['a criterion that is no string', { meterName: 1 }, TypeError, '.meterName must be a string, got 1'],
  [
    'an instrument name that is no string',
    { instrumentName: /a/ },
    TypeError,
    '.instrumentName must be a string, got {}',
  ],
  [
    'an unknown instrument kind',
    { instrumentType: 'TIMER' },
    RangeError,
    '.instrumentType must be one of InstrumentType, got "TIMER"',
  ],
  [
    'one name for all that * selects',
    { name: 'b', instrumentName: 'a*' },
    RangeError,
    '.name of "b" needs an instrumentName without wildcards.*, got "a\\*"',
  ],
  [
    'one name for all that ? selects',
    { name: 'b', instrumentName: 'a?' },
    RangeError,
    '.name of "b" needs an instrumentName without wildcards.*, got "a\\?"',
  ],
  [
    'one name for all of a meter',
    { name: 'b', meterName: 'm' },
    RangeError,
    '.name of "b" needs an instrumentName without wildcards.*, got undefined',
  ],
  [
    'a cardinality limit of none',
    { instrumentName: 'a', aggregationCardinalityLimit: 0 },
    RangeError,
    '.aggregationCardinalityLimit must be a whole number of at least 1, got 0',
  ],
  [
    'a cardinality limit with a fraction',
    { instrumentName: 'a', aggregationCardinalityLimit: 1.5 },
    RangeError,
    '.aggregationCardinalityLimit must be a whole number of at least 1, got 1.5',
  ],
  [
    'attributes processors outside an array',
    { instrumentName: 'a', attributesProcessors: { process() {} } },
    TypeError,
    '.attributesProcessors must be an array, got {}',
  ],
  [
    'an attributes processor without its function',
    { instrumentName: 'a', attributesProcessors: [{ process() {} }, null] },
    TypeError,
    '.attributesProcessors\\[1\\] must have a process function, got null',
  ],
  [
    'an aggregation by name',
    { instrumentName: 'a', aggregation: 'sum' },
    TypeError,
    '.aggregation must be an object with a type, got "sum"',
  ],
  [
    'an unknown aggregation',
    { instrumentName: 'a', aggregation: { type: 9 } },
    RangeError,
    '.aggregation.type must be one of AggregationType, got 9',
  ],
  [
    'missing boundaries',
    explicit({}),
    TypeError,
    '.aggregation.options.boundaries must be an array of numbers, got undefined',
  ],
  [
    'boundaries twice',
    explicit({ boundaries: [1, 5, 5] }),
    RangeError,
    '.aggregation.options.boundaries must be strictly increasing numbers, got \\[1,5,5\\]',
  ],
  [
    'boundaries out of order',
    explicit({ boundaries: [5, 1] }),
    RangeError,
    '.aggregation.options.boundaries must be strictly increasing numbers, got \\[5,1\\]',
  ],
  [
    'a boundary that is not a number',
    explicit({ boundaries: [Number.NaN] }),
    RangeError,
    '.aggregation.options.boundaries must be strictly increasing numbers, got \\[NaN\\]',
  ],
  [
    'a boundary that is text',
    explicit({ boundaries: [1, '5'] }),
    RangeError,
    '.aggregation.options.boundaries must be strictly increasing numbers, got \\[1,"5"\\]',
  ],
  [
    'infinity before the end',
    explicit({ boundaries: [1, Number.POSITIVE_INFINITY, 5] }),
    RangeError,
    '.aggregation.options.boundaries must be strictly increasing numbers, got \\[1,Infinity,5\\]',
  ],
  [
    'a missing boundary',
    explicit({ boundaries: new Array(2) }),
    RangeError,
    '.aggregation.options.boundaries must be strictly increasing numbers, got \\[undefined,undefined\\]',
  ],
  [
    'min and max by a number',
    explicit({ boundaries: [], recordMinMax: 0 }),
    TypeError,
    '.aggregation.options.recordMinMax must be true or false, got 0',
  ],
  [
    'min and max of an exponential histogram by text',
    exponential({ recordMinMax: 'no' }),
    TypeError,
    '.aggregation.options.recordMinMax must be true or false, got "no"',
  ],
  [
    'less than two exponential buckets',
    exponential({ maxSize: 1 }),
    RangeError,
    '.aggregation.options.maxSize must be a whole number of at least 2, got 1',
  ],
  [
    'exponential buckets without end',
    exponential({ maxSize: Number.POSITIVE_INFINITY }),
    RangeError,
    '.aggregation.options.maxSize must be a whole number of at least 2, got Infinity',
  ],
])('%s', (_, options, kind, message) => {
  const construct = () => new Views([{ instrumentName: 'good' }, options as ViewOptions])
  expect(construct).toThrow(kind)
  expect(construct).toThrow(new RegExp(`^MetricsBuffer: views\\[1\\]${message}$`))
})

test('views outside an array', () => {
  expect(() => new Views({ instrumentName: 'a' } as never)).toThrow(
    new TypeError('MetricsBuffer: views must be an array, got {"instrumentName":"a"}'),
  )
})
