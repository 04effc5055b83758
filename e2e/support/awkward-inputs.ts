import type { Attributes, Meter } from '@opentelemetry/api'
import { AggregationType, createAllowListAttributesProcessor, type ViewOptions } from '@opentelemetry/sdk-metrics'
import { exponential } from './application.ts'

/** Something that OpenTelemetry allows, and that a text could break on. */
export interface AwkwardInput {
  readonly name: string
  readonly record: (meter: Meter) => void
  readonly views?: ViewOptions[]
  /** Values that samples have to have all the same; where several would collide, none that may be left out. */
  readonly shows?: readonly number[]
}

const UNITS = [
  ...['d', 'h', 'min', 's', 'ms', 'us', 'ns', 'By', 'KiBy', 'MiBy', 'GiBy', 'TiBy', 'KBy', 'kBy', 'MBy', 'GBy', 'TBy'],
  ...['m', 'V', 'A', 'J', 'W', 'g', 'Cel', 'Hz', '1', '%', '{request}', 'By/s', 'm/s', 'm/s2', '1/s', '{call}/min'],
  ...[
    '[degF]',
    '10*3/ul',
    'W/m^2',
    'kBy/{request}',
    'a',
    'wk',
    'mo',
    '/',
    '//',
    's/',
    '{}',
    ' ',
    'µs',
    '€',
    '🚀',
    'total',
  ],
  ...['count', 'bucket', 'sum', 'info', 'created', 'a b', 'x"y', 'new\nline', 'back\\slash', '_', '__', '9', 'seconds'],
]

/** A gauge with one value. */
const gauge = (name: string, value = 41, attributes: Attributes = {}) => ({
  record: (meter: Meter) => meter.createGauge(name).record(value, attributes),
  shows: [value],
})
const counter = (name: string, unit = '') => ({
  record: (meter: Meter) => meter.createCounter(name, { unit }).add(41),
  shows: [41],
})
const histogram = (attributes: Attributes) => ({
  record: (meter: Meter) => meter.createHistogram('h').record(41, attributes),
  shows: [41],
})
/** A counter with attributes that a label could not have as they are. */
const attributes = (given: Attributes) => ({
  record: (meter: Meter) => meter.createCounter('c').add(41, given),
  shows: [41],
})

/** Each is recorded into an application of its own. */
export const AWKWARD_INPUTS: readonly AwkwardInput[] = [
  { name: 'nothing at all', record: () => {} },
  { name: 'an instrument without a measurement', record: (meter) => void meter.createHistogram('silent') },
  { name: 'a name with dots', ...counter('http.server.requests') },
  { name: 'a name with slashes and dashes', ...counter('http/server-requests') },
  { name: 'a name that starts with a digit', ...counter('3xx.answers') },
  { name: 'a name of unicode', ...gauge('größe.温度') },
  { name: 'a name of astral unicode', ...gauge('rocket.🚀') },
  { name: 'a name with half a surrogate', ...gauge('half.\ud83d') },
  { name: 'a name of underscores', ...counter('___') },
  { name: 'a name with a colon', ...gauge('job:rate') },
  { name: 'an empty name', ...gauge('') },
  { name: 'a counter with an empty name', ...counter('', 's') },
  { name: 'a name with NUL', ...counter('a\0b') },
  { name: 'a name of control characters', ...gauge('a\x01\n\r\x7f"\\') },
  { name: 'a counter called total', ...counter('total') },
  { name: 'a counter called _total', ...counter('_total') },
  { name: 'a counter called x_total', ...counter('x_total') },
  { name: 'a counter called x_total_total', ...counter('x_total_total') },
  { name: 'a counter called x.total with a unit', ...counter('x.total', 's') },
  { name: 'a counter called x_created', ...counter('x_created') },
  { name: 'a counter whose name has the unit in the middle', ...counter('x.seconds.spent', 's') },
  { name: 'a gauge called x_total', ...gauge('x_total') },
  { name: 'a gauge called x_info', ...gauge('x_info') },
  { name: 'a gauge called target_info', record: gauge('target_info').record },
  { name: 'a gauge called target.info with attributes', record: gauge('target.info', 41, { a: 'b' }).record },
  { name: 'a gauge called up', ...gauge('up') },
  {
    name: 'an empty description',
    record: (meter) => meter.createGauge('g', { description: '' }).record(41),
    shows: [41],
  },
  {
    name: 'a description of many lines',
    record: (meter) => meter.createGauge('g', { description: 'a\nb\r\n\\n "c" \\ # EOF\n# TYPE g counter' }).record(41),
    shows: [41],
  },
  {
    name: 'units of every kind',
    record: (meter) => {
      for (const [i, unit] of UNITS.entries()) {
        meter.createGauge(`gauge${i}.of`, { unit }).record(1000 + i)
        meter.createCounter(`counter${i}.of`, { unit }).add(2000 + i)
        meter.createHistogram(`histogram${i}.of`, { unit }).record(3000 + i)
      }
    },
    shows: UNITS.flatMap((_, i) => [1000 + i, 2000 + i, 3000 + i]),
  },
  {
    name: 'names that collide',
    record: (meter) => {
      meter.createCounter('a.b').add(1)
      meter.createCounter('a_b').add(2)
      meter.createCounter('a_b_total').add(3)
      meter.createCounter('a/b').add(4, { c: 'd' })
    },
  },
  {
    name: 'names that collide with another type',
    record: (meter) => {
      meter.createCounter('a.b').add(1)
      meter.createGauge('a_b_total').record(2)
      meter.createHistogram('a_b').record(3)
      meter.createUpDownCounter('a-b').add(4)
    },
  },
  {
    name: 'a name that is another with its unit',
    record: (meter) => {
      meter.createGauge('wait', { unit: 's' }).record(1)
      meter.createGauge('wait.seconds').record(2)
      meter.createGauge('wait_seconds', { unit: 'ms' }).record(3)
    },
  },
  {
    name: 'descriptions that differ under one name',
    record: (meter) => {
      meter.createCounter('a.b', { description: 'one' }).add(1, { c: '1' })
      meter.createCounter('a_b', { description: 'two' }).add(2, { c: '2' })
    },
  },
  {
    name: 'what a histogram makes of its name, beside it',
    record: (meter) => {
      meter.createHistogram('x').record(41)
      for (const suffix of ['bucket', 'count', 'sum', 'created']) meter.createGauge(`x_${suffix}`).record(1)
      meter.createCounter('x_count').add(1)
    },
  },
  {
    name: 'what a counter makes of its name, beside it',
    record: (meter) => {
      meter.createCounter('x').add(41)
      for (const suffix of ['total', 'created']) meter.createGauge(`x_${suffix}`).record(1)
      meter.createGauge('x').record(1)
    },
  },
  { name: 'the label le on a histogram', ...histogram({ le: '1' }) },
  { name: 'the label le that is a number, on a histogram', ...histogram({ le: 5 }) },
  { name: 'the label quantile on a histogram', ...histogram({ quantile: '0.5' }) },
  { name: 'the label le on a counter', ...attributes({ le: '1' }) },
  { name: 'an empty key', ...attributes({ '': 'empty' }) },
  { name: 'an empty value', ...attributes({ empty: '', full: 'x' }) },
  { name: 'a key that starts with a digit', ...attributes({ '1st': 'x', '2nd': 'y' }) },
  { name: 'keys that collide', ...attributes({ 'a.b': 'dot', a_b: 'underscore', 'a-b': 'dash' }) },
  { name: 'keys that collide with the scope', ...attributes({ otel_scope_name: 'mine', 'otel.scope.version': '2' }) },
  { name: '__name__ as a key', ...attributes({ __name__: 'mine' }) },
  { name: 'other keys that Prometheus has for itself', ...attributes({ __x__: 'mine', __address__: 'me', ___: 'x' }) },
  { name: 'a key with a colon', ...attributes({ 'a:b': 'x' }) },
  { name: 'keys of unicode', ...attributes({ größe: 'x', 温度: 'y', '🚀': 'z' }) },
  { name: 'a key with half a surrogate', ...attributes({ 'half\udc00': 'x' }) },
  { name: 'a key with NUL', ...attributes({ 'a\0b': 'x', '\0': 'y' }) },
  { name: 'a key of control characters', ...attributes({ '\x01\r\t\x7f': 'x' }) },
  { name: 'a key with a newline and a quote', ...attributes({ 'a\nb"c\\d': 'x' }) },
  {
    name: 'quotes, newlines and backslashes in a value',
    ...attributes({ q: '"', n: 'a\nb', b: '\\', nb: '\\n', e: 'x\\' }),
  },
  { name: 'control characters in a value', ...attributes({ c: '\u0000\r\t\u001b\u0085\u2028', bom: '\ufeff' }) },
  { name: 'braces, commas and comments in a value', ...attributes({ c: '{a="b",} 1 # {} 1\n# EOF' }) },
  { name: 'unicode of two bytes and astral', ...attributes({ two: 'éß', three: '温', four: '😀' }) },
  { name: 'half a surrogate in a value', ...attributes({ half: 'x\ud83d', other: '\udc00x' }) },
  { name: 'values of every type', ...attributes({ n: 1.5, b: true, s: ['a', 'b"'], ns: [1, 2], bs: [true], e: [] }) },
  { name: 'a value that is long', ...attributes({ long: 'x"\\\n'.repeat(20_000) }) },
  {
    name: 'series that collide by their keys',
    record: (meter) => {
      const collided = meter.createCounter('c')
      collided.add(1, { 'a.b': 'x' })
      collided.add(2, { a_b: 'x' })
    },
  },
  {
    name: 'series that differ only in a key that one has as empty',
    record: (meter) => {
      const collided = meter.createCounter('c')
      collided.add(1, { a: '' })
      collided.add(2, {})
    },
  },
  {
    name: 'series that differ only in the type of a value',
    record: (meter) => {
      const collided = meter.createCounter('c')
      collided.add(1, { a: 1 })
      collided.add(2, { a: '1' })
    },
  },
  { name: 'an infinite gauge', ...gauge('g', Number.POSITIVE_INFINITY) },
  { name: 'a gauge that is minus infinity', ...gauge('g', Number.NEGATIVE_INFINITY) },
  // Ours takes no NaN.
  { name: 'a gauge that is not a number', record: gauge('g', Number.NaN).record },
  { name: 'an observable gauge that is not a number', record: observed(Number.NaN) },
  { name: 'minus zero', record: gauge('g', -0).record },
  { name: 'the smallest number', ...gauge('g', Number.MIN_VALUE) },
  { name: 'the largest number', ...gauge('g', Number.MAX_VALUE) },
  { name: 'a number beyond 2 ** 53', ...gauge('g', -1.5e300) },
  {
    name: 'a histogram of an infinite value',
    record: (meter) => meter.createHistogram('h').record(Number.POSITIVE_INFINITY),
  },
  {
    name: 'a histogram without boundaries',
    record: (meter) => meter.createHistogram('h', { advice: { explicitBucketBoundaries: [] } }).record(41),
    shows: [41],
  },
  {
    name: 'a histogram with awkward boundaries',
    record: (meter) =>
      meter.createHistogram('h', { advice: { explicitBucketBoundaries: [0, 1e-9, 1, 1e6, 1e21, 1.5e300] } }).record(41),
    shows: [41],
  },
  {
    // OpenMetrics allows no sum where a boundary is negative.
    name: 'a histogram with negative boundaries',
    record: (meter) => meter.createHistogram('h').record(41),
    views: [explicit('h', [-1, 1])],
  },
  ...[
    [1, 1, 2],
    [-0, 0, 1],
    [1, Number.NaN],
  ].map((boundaries) => ({
    // Ours takes none of them.
    name: `a histogram with the boundaries ${boundaries.map((bound) => (Object.is(bound, -0) ? '-0' : bound)).join(', ')}`,
    record: (meter: Meter) =>
      meter.createHistogram('h', { advice: { explicitBucketBoundaries: boundaries } }).record(41),
    shows: [41],
  })),
  {
    name: 'exemplars with all that a label may have',
    record: (meter) => {
      const exemplary = { 'a\0b': 'x\0', 'c.d': '\x01\n"\\\ud800', '': 'e' }
      meter.createCounter('c').add(41, exemplary)
      meter.createHistogram('h').record(42, exemplary)
    },
    views: [{ instrumentName: '*', attributesProcessors: [createAllowListAttributesProcessor([])] }],
    shows: [41, 42],
  },
  // Ours takes no NaN, and OpenMetrics has none of them.
  { name: 'a counter that is not a number', record: (meter) => meter.createCounter('c').add(Number.NaN) },
  { name: 'an observable counter that is not a number', record: observedCounter(() => Number.NaN) },
  { name: 'an observable counter that is negative', record: observedCounter(() => -5) },
  { name: 'a histogram of a number that is none', record: (meter) => meter.createHistogram('h').record(Number.NaN) },
  ...[explicit('*', [0, 10]), exponential('*')].flatMap((view) => [
    {
      name: `a histogram (${view.aggregation!.type}) of what falls, without a sum`,
      record: (meter: Meter) => {
        meter.createUpDownCounter('up.down').add(-41)
        meter.createGauge('gauge').record(-41)
        meter.createObservableGauge('observed').addCallback((result) => result.observe(-41))
      },
      views: [view],
    },
    {
      name: `a histogram (${view.aggregation!.type}) of what falls, with a sum`,
      record: observedCounter(fallingFrom(20)),
      views: [view],
    },
  ]),
  {
    name: 'a histogram of sums and counts alone',
    record: (meter) => meter.createHistogram('h').record(41),
    views: [{ instrumentName: 'h', aggregation: { type: AggregationType.SUM } }],
    shows: [41],
  },
  {
    name: 'an exponential histogram of zeros',
    record: (meter) => meter.createHistogram('e').record(0),
    views: [exponential('e')],
  },
  {
    name: 'an exponential histogram of extremes',
    record: (meter) => {
      for (const value of [0, 5e-324, 1e-300, 1, 1e300]) meter.createHistogram('e').record(value)
    },
    views: [exponential('e')],
  },
]

function observed(value: number) {
  return (meter: Meter) => meter.createObservableGauge('o').addCallback((result) => result.observe(value))
}

function observedCounter(next: () => number) {
  return (meter: Meter) => meter.createObservableCounter('o').addCallback((result) => result.observe(next()))
}

/** Less each time. */
function fallingFrom(first: number): () => number {
  let value = first
  return () => {
    value -= 8
    return value
  }
}

function explicit(instrumentName: string, boundaries: number[]): ViewOptions {
  return {
    instrumentName,
    aggregation: { type: AggregationType.EXPLICIT_BUCKET_HISTOGRAM, options: { boundaries } },
  }
}
