import type { ResourceMetrics } from '@opentelemetry/sdk-metrics'
import { TIMED_OUT, within } from '../core/deadline.ts'
import type { TimeSlice } from '../core/time-slice.ts'
import type { AttachedReader } from '../pipeline/exporter-adapter.ts'
import { type GuardedAdapter, HOLD_UP_MILLIS } from '../pipeline/guarded-adapter.ts'
import type { CumulativeView } from '../series/cumulative-view.ts'
import { report } from '../series/report.ts'
import type { ReaderSettings } from './reader-options.ts'
import type { SelfObservation } from './self-observation.ts'
import type { Turns } from './turns.ts'

/** What of a reader its adapters get to see. */
export interface ReaderParts {
  readonly settings: ReaderSettings
  readonly turns: Turns
  readonly cumulative: CumulativeView
  readonly slice: TimeSlice
  readonly selfObservation: SelfObservation | undefined
  /** The resource, once it is known. */
  readonly resource: () => ResourceMetrics['resource'] | undefined
}

/** A reader as one of its adapters sees it. */
export function attachedReader(parts: ReaderParts, adapter: GuardedAdapter): AttachedReader {
  const { turns, slice, selfObservation, cumulative } = parts
  const { exportIntervalMillis, exportTimeoutMillis } = parts.settings
  let hasReported = false
  const reportStuck = () => {
    if (hasReported) return
    hasReported = true
    report(
      'error',
      `sluice: ${adapter.name} has held up turns for ${HOLD_UP_MILLIS} ms by work between them; they go on without it`,
    )
  }
  return {
    ...(selfObservation !== undefined && {
      onExported: (millis: number, errorType?: string) => selfObservation.exported(adapter, millis, errorType),
    }),
    exportIntervalMillis,
    exportTimeoutMillis,
    cumulative,
    turn: async () => {
      await turns.requestOrYounger()
    },
    betweenTurns: (work) => bounded((each) => turns.between(each), work, reportStuck),
    betweenDrains: (work) => bounded((each) => turns.betweenDrains(each), work, reportStuck),
    inSlices: (count, work) => slice.range(count, work),
    get resource() {
      const resource = parts.resource()
      if (resource === undefined) throw new Error('the resource is not known yet: the SDK has not collected')
      return resource
    },
  }
}

/**
 * Has work of an adapter done that others wait for, though not for ever: it may never settle, as where it waits for a turn.
 * What it comes to is for the adapter, whenever that is.
 */
function bounded<T>(
  between: (work: () => Promise<void>) => Promise<void>,
  work: () => T | Promise<T>,
  whenStuck: () => void,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    between(async () => {
      const done = settling(work).then(resolve, reject)
      if ((await within(done, HOLD_UP_MILLIS)) === TIMED_OUT) whenStuck()
    }).catch(reject)
  })
}

/** Work that throws is work that rejects. */
async function settling<T>(work: () => T | Promise<T>): Promise<T> {
  return work()
}
