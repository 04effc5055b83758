/** @returns a function that records once for each of so many series */
export function recordingInto(meter, kind, series) {
  const instrument = kind === 'counter' ? meter.createCounter('m') : meter.createHistogram('m')
  const attributes = Array.from({ length: series }, (_, i) => ({
    route: `/r${i % 100}`,
    status: 200 + (i % 5),
    user: `u${i}`,
  }))
  return () => {
    for (let i = 0; i < series; i++) {
      if (kind === 'counter') instrument.add(1, attributes[i])
      else instrument.record((i * 7) % 9000, attributes[i])
    }
  }
}

const DAY = 86_400_000

/** Options of a reader that turns only when it is told to. */
export function readerOptions(series) {
  return {
    cardinalityLimits: { default: series + 1 },
    exportIntervalMillis: DAY,
    exportTimeoutMillis: DAY,
    collectTimeoutMillis: DAY,
  }
}
