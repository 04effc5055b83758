import autocannon from 'autocannon'

const CONNECTIONS = 50
/** Few enough to leave two cores mostly idle. */
const REQUESTS_PER_SECOND = 300

/** Requests to the shop, until they are stopped. */
export interface Traffic {
  stop(): Promise<void>
}

export function startTraffic(url: string): Traffic {
  let done = (): void => {}
  const stopped = new Promise<void>((resolve) => {
    done = resolve
  })
  const cannon = autocannon(
    {
      url: `${url}/orders`,
      method: 'POST',
      connections: CONNECTIONS,
      overallRate: REQUESTS_PER_SECOND,
      // Long enough to mean until it is stopped.
      duration: 7 * 24 * 3600,
      // It looks whether it was stopped as often as it samples.
      sampleInt: 100,
      excludeErrorStats: true,
    },
    () => done(),
  )
  return {
    stop: () => {
      cannon.stop()
      return stopped
    },
  }
}
