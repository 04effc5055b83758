import fc from 'fast-check'

/** Milliseconds between two exports, in every program. */
export const INTERVAL = 1_000
export const COLLECT_TIMEOUT = 500

export type Instrument = 'counter' | 'histogram' | 'upDown' | 'gauge'

/** What happens `afterMillis` after the step before. */
export type Step = { readonly afterMillis: number } & (
  | ({ readonly do: 'record' } & Recording)
  | { readonly do: 'forceFlush' | 'shutdown'; readonly timeoutMillis: number | undefined }
)

export interface Recording {
  readonly instrument: Instrument
  readonly series: number
  readonly value: number
}

/** What is recorded in one call after `shutdown()` was called: more than all before it, so that it can be told from that. */
export const LATE_VALUE = 2 ** 20

/** What the exporter says: in `failed…` and `rejects` nobody knows whether the batch arrived. */
export type Answer =
  | 'success'
  /** Success, and FAILED right after it. */
  | 'twice'
  /** ECONNREFUSED. */
  | 'refused'
  /** HTTP 503. */
  | 'unavailable'
  /** HTTP 400: the receiver will never take the batch. */
  | 'rejected'
  /** HTTP 413. */
  | 'tooLarge'
  | 'failed'
  | 'failedWithoutError'
  /** HTTP 504. */
  | 'failedByGateway'
  | 'throws'
  /** As an async function throws. */
  | 'rejects'
  | 'never'

/** What becomes of a call: whether and when the batch is ingested, and what the exporter answers `afterMillis` later. */
export interface Behaviour {
  readonly answer: Answer
  readonly afterMillis: number
  /** `late`: with the answer, or after the same time where there is none. */
  readonly ingests: 'atOnce' | 'late' | 'never'
}

/** A call meets the state of the moment at which it starts. */
export interface State extends Behaviour {
  readonly forMillis: number
}

export interface Program {
  readonly timeoutMillis: number
  readonly temporality: 'delta' | 'cumulative' | 'mixed'
  /** Ours; the stock reader sends everything in one call. */
  readonly maxExportBatchSize: number
  /** Whether ours records through `reader.buffer`. */
  readonly throughBuffer: boolean
  /** Whether the exporter's `forceFlush()` and `shutdown()` wait for the calls in flight. */
  readonly waitsForCalls: boolean
  readonly steps: readonly Step[]
  readonly shutdown: { readonly afterMillis: number; readonly timeoutMillis: number | undefined }
  /** Whether the process ends at that moment instead, by SIGKILL. There is no spool. */
  readonly isKilled?: boolean
  /** From the call of `shutdown()` on. */
  readonly lateSteps: readonly Step[]
  /** A call with more points is `tooLarge`, at once. Default: none is. */
  readonly mostPoints?: number
  /** By time, the last one for ever; or the n-th call meets the n-th. */
  readonly states: readonly State[]
  readonly statesAre: 'byTime' | 'byCall'
  /** How much of each backoff the jitter leaves, in turn. */
  readonly jitter: readonly number[]
}

const wait = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 400 }) },
  { weight: 2, arbitrary: fc.integer({ min: 0, max: 2 * INTERVAL }) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 12 * INTERVAL }) },
)
const deadline = fc.oneof(
  fc.constant(undefined),
  fc.constantFrom(1, 10, 100, 300, INTERVAL, 3 * INTERVAL),
  fc.integer({ min: 1, max: 6 * INTERVAL }),
)

const series = fc.integer({ min: 0, max: 2 })
const recording = fc.record({
  instrument: fc.constantFrom<Instrument[]>('counter', 'counter', 'histogram', 'upDown', 'gauge'),
  series,
  value: fc.integer({ min: 1, max: 100 }),
})
const record = ([afterMillis, what]: readonly [number, Recording]): Step => ({ do: 'record', afterMillis, ...what })
const ends = <Do extends 'forceFlush' | 'shutdown'>(...whats: Do[]) =>
  fc.record({ do: fc.constantFrom(...whats), afterMillis: wait, timeoutMillis: deadline })

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 7, arbitrary: fc.tuple(wait, recording).map(record) },
  { weight: 1, arbitrary: ends('forceFlush') },
)

/** Not of histograms, which are told by how often they were recorded. */
const lateRecording = fc.record({
  instrument: fc.constantFrom<Instrument[]>('counter', 'upDown', 'gauge'),
  series,
  value: fc.constant(LATE_VALUE),
})
const lateSteps = fc.oneof(
  fc.constant([]),
  fc.array(fc.oneof(fc.tuple(wait, lateRecording).map(record), ends('forceFlush', 'shutdown')), { maxLength: 4 }),
)

/** The end of a program: when `shutdown()` is called, and what is recorded just before it. */
interface Ending {
  /** After the last step; or by the interval. */
  readonly when: { readonly afterMillis: number } | { readonly intervals: number; readonly offsetMillis: number }
  readonly timeoutMillis: number | undefined
  readonly last: readonly (readonly [beforeMillis: number, what: Recording])[]
}

/** Among others just before, at and just after an interval, and while a call is out, until before or after its time-out. */
const ending = (timeoutMillis: number): fc.Arbitrary<Ending> => {
  const last = fc.array(
    fc.tuple(fc.oneof(fc.constantFrom(0, 1, 2), fc.integer({ min: 0, max: 2 * INTERVAL })), recording),
    { maxLength: 3 },
  )
  const atInterval = fc
    .tuple(
      fc.integer({ min: 1, max: 4 }),
      fc.oneof(fc.integer({ min: -2, max: 2 }), fc.integer({ min: 1, max: timeoutMillis - 1 })),
    )
    .map(([intervals, offsetMillis]) => ({ intervals, offsetMillis }))
  return fc.oneof(
    fc.record({ when: wait.map((afterMillis) => ({ afterMillis })), timeoutMillis: deadline, last }),
    atInterval.chain((when) => {
      const left = timeoutMillis - Math.max(0, when.offsetMillis)
      const about = fc.oneof(
        fc.integer({ min: 1, max: left }),
        fc.integer({ min: Math.max(1, left - 2), max: left + 2 }),
      )
      return fc.record({ when: fc.constant(when), timeoutMillis: fc.oneof(deadline, about), last })
    }),
  )
}

function ended(steps: readonly Step[], { when, timeoutMillis, last }: Ending): Pick<Program, 'steps' | 'shutdown'> {
  const stepsMillis = steps.reduce((millis, { afterMillis }) => millis + afterMillis, 0)
  const shutdownMillis =
    'afterMillis' in when
      ? stepsMillis + when.afterMillis
      : (Math.floor(stepsMillis / INTERVAL) + when.intervals) * INTERVAL + when.offsetMillis
  const endMillis = Math.max(stepsMillis, shutdownMillis)
  let nowMillis = stepsMillis
  const lastSteps = [...last]
    .sort(([a], [b]) => b - a)
    .map(([beforeMillis, what]) => {
      const afterMillis = Math.max(0, endMillis - beforeMillis - nowMillis)
      nowMillis += afterMillis
      return record([afterMillis, what])
    })
  return { steps: [...steps, ...lastSteps], shutdown: { afterMillis: endMillis - nowMillis, timeoutMillis } }
}

/** @param unknown answers that leave open whether the batch arrived */
const behaviour = (timeoutMillis: number, unknown: readonly Answer[]): fc.Arbitrary<Behaviour> => {
  const inTime = fc.oneof(fc.constant(0), fc.integer({ min: 1, max: timeoutMillis - 1 }))
  const delay = fc.oneof(inTime, fc.integer({ min: timeoutMillis + 1, max: 5 * INTERVAL }))
  const of = (
    answers: readonly Answer[],
    ingests: readonly Behaviour['ingests'][],
    afterMillis: fc.Arbitrary<number> = delay,
  ) => fc.record({ answer: fc.constantFrom(...answers), afterMillis, ingests: fc.constantFrom(...ingests) })
  return fc.oneof(
    { weight: 5, arbitrary: of(['success'], ['late', 'atOnce'], fc.oneof(fc.constant(0), delay)) },
    { weight: 1, arbitrary: of(['twice'], ['late', 'atOnce']) },
    { weight: 2, arbitrary: of(['refused'], ['never']) },
    { weight: 1, arbitrary: of(['unavailable'], ['never'], fc.integer({ min: 0, max: 499 })) },
    { weight: 1, arbitrary: of(['rejected'], ['never']) },
    {
      weight: 3,
      arbitrary: of(unknown, ['never', 'atOnce', 'late']),
    },
    { weight: 1, arbitrary: of(['throws'], ['never', 'atOnce'], fc.constant(0)) },
    { weight: 3, arbitrary: of(['never'], ['never', 'atOnce', 'late']) },
  )
}

const UNKNOWN: readonly Answer[] = ['failed', 'failedWithoutError', 'failedByGateway']

const program = (
  unknown: readonly Answer[],
  stateMillis: (timeoutMillis: number) => fc.Arbitrary<number>,
  statesAre: fc.Arbitrary<Program['statesAre']>,
): fc.Arbitrary<Program> =>
  fc.constantFrom(200, 500, INTERVAL).chain((timeoutMillis) => {
    const parts = fc.record({
      timeoutMillis: fc.constant(timeoutMillis),
      temporality: fc.constantFrom('delta' as const, 'cumulative' as const, 'mixed' as const),
      maxExportBatchSize: fc.oneof(
        { weight: 4, arbitrary: fc.constant(8192) },
        { weight: 1, arbitrary: fc.integer({ min: 1, max: 3 }) },
      ),
      throughBuffer: fc.boolean(),
      waitsForCalls: fc.oneof(
        { weight: 3, arbitrary: fc.constant(false) },
        { weight: 1, arbitrary: fc.constant(true) },
      ),
      steps: fc.array(step, { minLength: 1, maxLength: 30 }),
      ending: ending(timeoutMillis),
      lateSteps,
      states: fc.array(
        fc
          .tuple(behaviour(timeoutMillis, unknown), stateMillis(timeoutMillis))
          .map(([what, forMillis]): State => ({ ...what, forMillis })),
        { minLength: 1, maxLength: 5 },
      ),
      statesAre,
      // Not always nothing: a retry each millisecond is no program.
      jitter: fc.array(fc.constantFrom(0, 0.001, 0.3, 0.9, 0.999), { maxLength: 3 }).map((shares) => [...shares, 0.5]),
    })
    return parts.map(({ steps, ending: end, ...rest }) => ({ ...rest, ...ended(steps, end) }))
  })

/**
 * Receivers that stay as they are for at least 2 intervals and a time-out, so that each reader meets each state. Ours sends
 * several batches, where the stock reader has one call, only to those that never change: of several calls one after the other
 * some may meet the next state. An exporter that rejects is left to the wild ones: the stock reader does not see it, and so
 * sends at other moments.
 */
export const steadyProgram = program(
  UNKNOWN,
  (timeoutMillis) => {
    const leastMillis = 2 * INTERVAL + timeoutMillis
    return fc.oneof(
      fc.integer({ min: leastMillis, max: leastMillis + 2 * INTERVAL }),
      fc.integer({ min: leastMillis, max: 12 * INTERVAL }),
    )
  },
  fc.constant('byTime'),
).map((steady) => (steady.states.length === 1 ? steady : { ...steady, maxExportBatchSize: 8192 }))

/** One in so many wild programs ends by a kill. */
const KILLED_ONE_IN = 4

/** Receivers that flap as fast as they like, exporters that count their calls, and processes that are killed. */
export const wildProgram = fc
  .tuple(
    program(
      [...UNKNOWN, 'rejects'],
      () => fc.oneof(fc.integer({ min: 1, max: INTERVAL }), fc.integer({ min: 1, max: 6 * INTERVAL })),
      fc.constantFrom('byTime', 'byCall'),
    ),
    fc.integer({ min: 1, max: KILLED_ONE_IN }),
  )
  .map(([wild, turn]): Program => (turn === KILLED_ONE_IN ? { ...wild, isKilled: true, lateSteps: [] } : wild))

/** Receivers that take everything, at once or in some ms, in messages of few points; there is time to find out how many. */
export const tooLargeProgram = fc
  .tuple(steadyProgram, fc.integer({ min: 1, max: 8 }), fc.integer({ min: 0, max: 5 }))
  .map(([program, mostPoints, afterMillis]): Program => {
    const { afterMillis: beforeShutdown, timeoutMillis } = program.shutdown
    return {
      ...program,
      mostPoints,
      states: [{ forMillis: INTERVAL, answer: 'success', afterMillis, ingests: 'late' }],
      shutdown: { afterMillis: beforeShutdown, timeoutMillis: timeoutMillis && Math.max(timeoutMillis, INTERVAL) },
    }
  })
