// What is measured: by row, for each API, a function that makes the instrument and returns one piece of user code with
// one call site in it. `i` counts the calls.
import { attributeSets, BOUNDARIES, dictionarySets, durations, eightShapes } from './data.mjs'

const labelNames = ['method', 'route', 'status']
const SETS = 1000

const counterOf = ({ client, registers }, labels = labelNames) =>
  new client.Counter({ name: 'requests', help: 'Requests', labelNames: labels, registers })
const histogramOf = ({ client, registers }) =>
  new client.Histogram({ name: 'duration', help: 'Duration', labelNames, buckets: BOUNDARIES, registers })

const exponential = ({ AggregationType }) => [
  { instrumentName: 'duration', aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM } },
]
const twoViews = ({ createAllowListAttributesProcessor }) => [
  { instrumentName: 'requests', name: 'requests.all' },
  {
    instrumentName: 'requests',
    name: 'requests.by_route',
    attributesProcessors: [createAllowListAttributesProcessor(['route'])],
  },
]

function addLiteral({ meter }) {
  const requests = meter.createCounter('requests')
  return () => requests.add(1, { method: 'GET', route: '/users/:id', status: '200' })
}

/** @type {Record<string, { options?: object, otel?: Function, prometheus?: Function }>} */
export const rows = {
  'add, literal': {
    otel: addLiteral,
    prometheus(library) {
      const requests = counterOf(library)
      return () => requests.inc({ method: 'GET', route: '/users/:id', status: '200' }, 1)
    },
  },
  'add, 1000 series': {
    otel({ meter }) {
      const requests = meter.createCounter('requests')
      const sets = attributeSets(SETS)
      return (i) => requests.add(1, sets[i % SETS])
    },
    prometheus(library) {
      const requests = counterOf(library)
      const sets = attributeSets(SETS)
      return (i) => requests.inc(sets[i % SETS], 1)
    },
  },
  'add, no attributes': {
    otel({ meter }) {
      const requests = meter.createCounter('requests')
      return () => requests.add(1)
    },
    prometheus(library) {
      const requests = counterOf(library, [])
      return () => requests.inc(1)
    },
  },
  'add, bound': {
    otel({ meter }) {
      const requests = meter.createCounter('requests').bind({ method: 'GET', route: '/users/:id', status: '200' })
      return () => requests.add(1)
    },
    prometheus(library) {
      const requests = counterOf(library).labels('GET', '/users/:id', '200')
      return () => requests.inc(1)
    },
  },
  'histogram, literal': {
    otel({ meter }) {
      const duration = meter.createHistogram('duration')
      return (i) => duration.record(durations[i & 1023], { method: 'GET', route: '/users/:id', status: '200' })
    },
    prometheus(library) {
      const duration = histogramOf(library)
      return (i) => duration.observe({ method: 'GET', route: '/users/:id', status: '200' }, durations[i & 1023])
    },
  },
  'histogram, bound': {
    otel({ meter }) {
      const duration = meter.createHistogram('duration').bind({ method: 'GET', route: '/users/:id', status: '200' })
      return (i) => duration.record(durations[i & 1023])
    },
    prometheus(library) {
      const duration = histogramOf(library).labels('GET', '/users/:id', '200')
      return (i) => duration.observe(durations[i & 1023])
    },
  },
  'exponential, bound': {
    options: { views: exponential },
    otel({ meter }) {
      const duration = meter.createHistogram('duration').bind({ method: 'GET', route: '/users/:id', status: '200' })
      return (i) => duration.record(durations[i & 1023])
    },
  },
  'exponential, no attributes': {
    options: { views: exponential },
    otel({ meter }) {
      const duration = meter.createHistogram('duration')
      return (i) => duration.record(durations[i & 1023])
    },
  },
  'add, eight shapes at one call site': {
    otel({ meter }) {
      const requests = meter.createCounter('requests')
      const sets = eightShapes()
      return (i) => requests.add(1, sets[i & 7])
    },
  },
  'add, dictionary-mode objects': {
    otel({ meter }) {
      const requests = meter.createCounter('requests')
      const sets = dictionarySets(16)
      return (i) => requests.add(1, sets[i & 15])
    },
  },
  'add, strings built at run time': {
    otel({ meter }) {
      const requests = meter.createCounter('requests')
      return (i) => requests.add(1, { method: 'GET', route: `/users/${i % 100}`, status: '200' })
    },
  },
  'add, numbers and booleans as values': {
    otel({ meter }) {
      const requests = meter.createCounter('requests')
      return (i) => requests.add(1, { method: 'GET', status: 200 + (i % 5), cached: (i & 1) === 0 })
    },
  },
  'add, literal, exemplars on': { options: { exemplars: true }, otel: addLiteral },
  'add, literal, two views': { options: { views: twoViews }, otel: addLiteral },
}
