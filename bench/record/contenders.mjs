// How each library is set up. A contender is opened with what a row asks for and gives what the row makes its instruments
// with (an OTel meter, or a Prometheus client and its registry) and the turn that hands out what was recorded.
const DAY_MILLIS = 86_400_000

/** Takes every delta and does nothing. */
const exporter = {
  selectAggregationTemporality: () => 0,
  export: (_metrics, done) => done({ code: 0 }),
  forceFlush: async () => {},
  shutdown: async () => {},
}

/**
 * @typedef {object} Options
 * @property {number} [series] how many attribute sets an instrument must hold without overflow; default 2000
 * @property {(sdk: object) => object[]} [views] made with the names of the SDK the contender uses
 * @property {boolean} [exemplars] whether every measurement is offered as an exemplar; the SDKs know none
 */

async function openSluice({ series = 2000, views, exemplars }) {
  const sdk = await import('@opentelemetry/sdk-metrics')
  const { PushExporterAdapter } = await import('@otel-sluice/exporter-adapter')
  const { BufferingMetricReader, MetricsBuffer } = await import('@otel-sluice/processor')
  const cardinalityLimits = { default: series + 1 }
  const buffer = new MetricsBuffer({
    cardinalityLimits,
    ...(views && { views: views(sdk) }),
    ...(exemplars && { exemplarFilter: 'always_on' }),
  })
  const reader = new BufferingMetricReader({
    adapters: [new PushExporterAdapter(exporter)],
    buffer,
    cardinalityLimits,
    exportIntervalMillis: DAY_MILLIS,
    exportTimeoutMillis: DAY_MILLIS,
  })
  const provider = new sdk.MeterProvider({ readers: [reader] })
  return { meter: reader.buffer.getMeter('bench'), turn: () => reader.forceFlush(), provider }
}

function openSdk(name) {
  return async ({ series = 2000, views }) => {
    const sdk = await import(name)
    const reader = new sdk.PeriodicExportingMetricReader({
      exporter,
      cardinalityLimits: { default: series + 1 },
      exportIntervalMillis: DAY_MILLIS,
      exportTimeoutMillis: DAY_MILLIS,
    })
    const provider = new sdk.MeterProvider({ readers: [reader], ...(views && { views: views(sdk) }) })
    return { meter: provider.getMeter('bench'), turn: () => reader.forceFlush(), provider }
  }
}

function openPrometheus(name) {
  return async () => {
    const { default: client } = await import(name)
    const registers = [new client.Registry()]
    // A scrape changes nothing in these: they have no generations.
    return { client, registers, turn: async () => {} }
  }
}

/** By name: a function of {@link Options}. */
export const contenders = {
  sluice: openSluice,
  'sdk 3.1': openSdk('@opentelemetry/sdk-metrics'),
  'sdk 2.12': openSdk('sdk-metrics-2'),
  '@prometheus-io/client': openPrometheus('@prometheus-io/client'),
  'prom-client': openPrometheus('prom-client'),
}
