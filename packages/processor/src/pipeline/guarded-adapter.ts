import { type AggregationOption, AggregationTemporality, InstrumentType } from '@opentelemetry/sdk-metrics'
import { isAggregation } from '../aggregation/aggregation-option.ts'
import { LONGEST_TIMER_MILLIS, TIMED_OUT, within } from '../core/deadline.ts'
import { describe, messageOf } from '../core/describe.ts'
import type { Generation } from '../series/generation.ts'
import { report } from '../series/report.ts'
import type { Series } from '../series/series.ts'
import { UserCode } from '../series/user-code.ts'
import { readStats } from './adapter-stats.ts'
import type { AdapterStats, AttachedReader, DeliverOptions, ExporterAdapter, FlushOptions } from './exporter-adapter.ts'

const METHODS = ['attach', 'absorb', 'selectAggregation', 'selectAggregationTemporality', 'shutdown', 'stats'] as const

/** What an adapter's own deadline may be overrun by before it is no longer waited for, in ms. */
const GRACE_MILLIS = 100

/** How long one adapter may hold up turns, in ms: twice what one of ours takes at most, whose spool is on a disk that hangs. */
export const HOLD_UP_MILLIS = 120_000
const STUCK = `persist() has not settled within ${HOLD_UP_MILLIS} ms`

/**
 * An adapter as its reader calls it. It may be anybody's: what it throws, rejects with, gives that makes no sense or never
 * settles costs its own data, and neither the turn nor the other adapters.
 */
export class GuardedAdapter {
  readonly name: string
  /** The name of its class. */
  readonly type: string
  readonly exportIntervalMillis: number | undefined
  /** Whether it is to be told to deliver. */
  readonly delivers: boolean
  /** Whether it does more for a flush than to deliver. */
  readonly flushes: boolean
  /** The instrument kinds of the streams that are pushed to it. */
  readonly deltaKinds: ReadonlySet<InstrumentType>
  readonly #adapter: ExporterAdapter
  readonly #where: string
  readonly #stats: UserCode
  #lastStats: AdapterStats = readStats({})!
  #isPersisting = false
  readonly #reported = new Set<string>()
  #asyncFaults = 0

  /**
   * @param where it was given, for errors, such as `adapters[0]`
   * @throws TypeError or RangeError that says what makes it no adapter, or what of it threw
   */
  constructor(adapter: ExporterAdapter, where: string) {
    this.#adapter = adapter
    const isAdapter = read(where, 'a property', () =>
      METHODS.every((method) => typeof adapter?.[method] === 'function'),
    )
    if (!isAdapter) {
      throw new TypeError(
        `BufferingMetricReader: ${where} is not an ExporterAdapter, got ${describe(adapter)}; ` +
          'wrap an exporter in new PushExporterAdapter(exporter), a pull reader in new PullExporterAdapter(reader)',
      )
    }
    const type: unknown = read(where, 'constructor.name', () => adapter.constructor?.name)
    this.type = typeof type === 'string' ? type : 'ExporterAdapter'
    const name: unknown = read(where, 'name', () => adapter.name)
    this.name = typeof name === 'string' ? name : this.type
    this.#where = `${where} (${this.name})`
    this.#stats = new UserCode(`stats() of ${this.name}`, '; what it gave before stands in')
    this.delivers = read(this.#where, 'deliver', () => adapter.deliver !== undefined)
    this.flushes = read(this.#where, 'flush', () => adapter.flush !== undefined)
    const intervalMillis = read(this.#where, 'exportIntervalMillis', () => adapter.exportIntervalMillis)
    if (intervalMillis !== undefined && !isMillis(intervalMillis)) {
      throw new RangeError(
        `BufferingMetricReader: ${this.#where}: exportIntervalMillis must be greater than 0 and at most ${LONGEST_TIMER_MILLIS}, got ${describe(intervalMillis)}`,
      )
    }
    this.exportIntervalMillis = intervalMillis
    this.deltaKinds = new Set(Object.values(InstrumentType).filter((kind) => this.#wantsDelta(kind)))
  }

  /** How long one export may take, if the adapter says so. */
  get exportTimeoutMillis(): number | undefined {
    try {
      const millis = this.#adapter.exportTimeoutMillis
      return isMillis(millis) ? millis : undefined
    } catch {
      return undefined
    }
  }

  /** How many series it was given that it failed at after it had returned. */
  get asyncFaults(): number {
    return this.#asyncFaults
  }

  /** @throws TypeError that says what it wants instead of an aggregation */
  aggregationOf(kind: InstrumentType): AggregationOption {
    const call = `selectAggregation(${kind})`
    const wanted = read(this.#where, call, () => this.#adapter.selectAggregation(kind))
    if (read(this.#where, call, () => isAggregation(wanted))) return wanted
    throw new TypeError(
      `BufferingMetricReader: ${this.#where}: ${call} must give an aggregation, got ${describe(wanted)}`,
    )
  }

  /** @throws what it throws: it is not attached then */
  attach(reader: AttachedReader): void {
    const returned: unknown = this.#adapter.attach(reader)
    if (returned !== undefined) this.#afterwards(returned, 'attach() failed')
  }

  /** @throws what it throws: the series is lost to it */
  absorb(series: Series, generation: Generation): void {
    const returned: unknown = this.#adapter.absorb(series, generation)
    if (returned === undefined) return
    this.#afterwards(returned, 'absorb() failed after it had returned; what it was given then is lost to it', () => {
      this.#asyncFaults++
    })
  }

  /** @throws what it throws or rejects with */
  async deliver(options: DeliverOptions): Promise<void> {
    await this.#adapter.deliver?.(options)
  }

  /** @throws what it throws or rejects with */
  async flush(options: FlushOptions): Promise<void> {
    await this.#adapter.flush?.(options)
  }

  /**
   * Never rejects: resolves to why what it holds may not outlive the process, if so. One that has not settled in time goes on,
   * and is not called again before it has.
   */
  async persist(): Promise<string | undefined> {
    if (this.#isPersisting) return `${this.name}: ${STUCK}`
    const done = await within(this.#persist(), HOLD_UP_MILLIS)
    if (done !== TIMED_OUT) return done
    this.#reportOnce(`${STUCK}; turns go on without it`)
    return `${this.name}: ${STUCK}`
  }

  /** Never throws. How many points do not outlive the process. */
  persistAtOnce(): number {
    try {
      // The exit code of the process is not its to change. One that throws has not kept what it holds.
      const lost = this.#adapter.persistAtOnce?.()
      if (typeof lost === 'number' && lost >= 0) return lost
    } catch (error) {
      report('error', `sluice: ${this.name} threw at the end of the process`, error)
    }
    return this.stats().pendingPoints
  }

  /** @throws what it throws or rejects with, and an Error when it is not done in time */
  async shutdown(timeoutMillis: number): Promise<void> {
    const done = await within(this.#shutdown(timeoutMillis), timeoutMillis + GRACE_MILLIS)
    if (done === TIMED_OUT) throw new Error(`${this.name} did not shut down in time`)
  }

  /** What it tells of itself, or told last; numbers where there have to be some. */
  stats(): AdapterStats {
    this.#lastStats = this.#stats.ask(() => this.#adapter.stats(), readStats, this.#lastStats)
    return this.#lastStats
  }

  #wantsDelta(kind: InstrumentType): boolean {
    const call = `selectAggregationTemporality(${kind})`
    const wanted = read(this.#where, call, () => this.#adapter.selectAggregationTemporality(kind))
    if (wanted === AggregationTemporality.DELTA || wanted === AggregationTemporality.CUMULATIVE) {
      return wanted === AggregationTemporality.DELTA
    }
    throw new TypeError(
      `BufferingMetricReader: ${this.#where}: ${call} must give an AggregationTemporality, got ${describe(wanted)}`,
    )
  }

  async #persist(): Promise<string | undefined> {
    this.#isPersisting = true
    try {
      await this.#adapter.persist?.()
      return undefined
    } catch (error) {
      this.#reportOnce('persist() failed', error)
      return `${this.name}: persist() failed: ${messageOf(error)}`
    } finally {
      this.#isPersisting = false
    }
  }

  /** One that throws instead of rejecting is one that rejects. */
  async #shutdown(timeoutMillis: number): Promise<void> {
    await this.#adapter.shutdown({ timeoutMillis })
  }

  /** What is declared to return nothing may be an async function, whose rejection would end the process. */
  #afterwards(returned: unknown, what: string, onFailed = () => {}): void {
    Promise.resolve(returned).catch((error: unknown) => {
      onFailed()
      this.#reportOnce(what, error)
    })
  }

  #reportOnce(what: string, ...errors: readonly unknown[]): void {
    if (this.#reported.has(what)) return
    this.#reported.add(what)
    report('error', `sluice: ${this.name}: ${what}`, ...errors)
  }
}

function isMillis(value: unknown): value is number {
  return typeof value === 'number' && value > 0 && value <= LONGEST_TIMER_MILLIS
}

/** @throws TypeError that names what was read, with what it threw */
function read<T>(where: string, what: string, get: () => T): T {
  try {
    return get()
  } catch (error) {
    throw new TypeError(`BufferingMetricReader: ${where}: ${what} threw: ${messageOf(error)}`, { cause: error })
  }
}
