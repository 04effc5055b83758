import type { HrTime } from '@opentelemetry/api'
import {
  AggregationTemporality,
  type CollectionResult,
  type DataPoint,
  DataPointType,
  type Histogram,
  type MetricData,
  type MetricDescriptor,
  type MetricProducer,
  type ScopeMetrics,
} from '@opentelemetry/sdk-metrics'
import type { PointValue } from '../aggregation/cells.ts'
import { readableValue, Unreadable } from '../aggregation/readable-value.ts'
import { AttributeCheck } from '../series/attribute-check.ts'
import { attributeKey } from '../series/attribute-key.ts'
import { Mishaps } from '../series/mishaps.ts'
import { report } from '../series/report.ts'
import { readableDescriptor, readableScope } from '../series/stream-identity.ts'

/** More metrics, or points of one, than a process has: a list that says so is no list. */
const MOST_LISTED = 1_000_000
/** Names for which it is remembered what was said. */
const MOST_REMEMBERED = 1_000

/** Of the year 2255: microseconds since 1970 are exact up to then. */
const LAST_SECOND = 9e9

const { CUMULATIVE } = AggregationTemporality

const POINT_TYPES = new Set<unknown>(Object.values(DataPointType))

type Point = DataPoint<PointValue>

/**
 * A `MetricProducer` whose data is checked: it is code of others, and may give anything. What comes out are copies in which
 * every field is what the SDK's declarations say. A point that cannot be read is dropped and counted, and so is a metric of
 * which nothing can; the others are not touched by it.
 *
 * The work is done at once, as the producer's own walk along the same points is: what it gave it does not give again, and a
 * process that ends meanwhile finds all of it here or in the hands of the fold.
 */
export class CheckedProducer implements MetricProducer {
  readonly #producer: MetricProducer
  readonly #name: string
  readonly #onDropped: () => void
  readonly #checks = new Map<string, AttributeCheck>()
  readonly #scopeCheck: AttributeCheck
  readonly #said = new Set<string>()
  #unreadable = 0

  /**
   * @param name for diagnostics
   * @param onDropped called for each point that is dropped
   */
  constructor(producer: MetricProducer, name: string, onDropped: () => void) {
    this.#producer = producer
    this.#name = name
    this.#onDropped = onDropped
    this.#scopeCheck = new AttributeCheck(new Mishaps(`the scopes of ${name}`), {}, 'any')
  }

  /** How many metrics could not be read. */
  get unreadable(): number {
    return this.#unreadable
  }

  async collect(options: { timeoutMillis: number }): Promise<CollectionResult> {
    const { resourceMetrics, errors } = await this.#producer.collect(options)
    const scopeMetrics: ScopeMetrics[] = []
    for (const each of listOf(resourceMetrics.scopeMetrics)) scopeMetrics.push(...this.#scopeMetrics(each))
    return {
      resourceMetrics: { resource: resourceMetrics.resource, scopeMetrics },
      errors: Array.isArray(errors) ? errors : [],
    }
  }

  #scopeMetrics(given: unknown): ScopeMetrics[] {
    try {
      const { scope, metrics } = given as ScopeMetrics
      const checked = listOf(metrics).flatMap((metric) => this.#metrics(metric))
      return [{ scope: readableScope(scope ?? {}, this.#scopeCheck), metrics: checked }]
    } catch (error) {
      this.#reportUnreadable(`a scope of ${this.#name}`, error)
      return []
    }
  }

  /** More than one where the points have different boundaries, and so are of different streams. */
  #metrics(given: unknown): MetricData[] {
    let name = 'without a name'
    try {
      const { dataPointType, aggregationTemporality, isMonotonic, dataPoints, descriptor } = given as AnyMetric
      const readable = descriptorOf(descriptor)
      name = readable.name
      if (!POINT_TYPES.has(dataPointType)) throw new Unreadable('its points are of no type that there is')
      const metric = {
        descriptor: readable,
        dataPointType: dataPointType as DataPointType,
        aggregationTemporality: aggregationTemporality === CUMULATIVE ? CUMULATIVE : AggregationTemporality.DELTA,
        isMonotonic: isMonotonic === true,
      }
      const points = this.#points(metric, listOf(dataPoints))
      const streams = dataPointType === DataPointType.HISTOGRAM ? byBoundaries(points) : [points]
      return streams.map((each) => ({ ...metric, dataPoints: each }) as MetricData)
    } catch (error) {
      this.#reportUnreadable(`the metric ${name}`, error)
      return []
    }
  }

  /** @throws Unreadable where none of them can be read */
  #points({ descriptor, dataPointType, aggregationTemporality }: MetricHead, given: readonly unknown[]): Point[] {
    const check = this.#checkOf(descriptor.name)
    let points: Point[] = []
    const changed: Point[] = []
    const causes = new Set<string>()
    for (const each of given) {
      try {
        const { changes } = check
        const point = pointOf(each as Point, dataPointType, check)
        points.push(point)
        if (check.changes !== changes) changed.push(point)
      } catch (error) {
        causes.add(error instanceof Unreadable ? error.message : 'a point must be there to read')
        this.#onDropped()
      }
    }
    if (points.length === 0 && causes.size > 0) throw new Unreadable([...causes].join(', '))
    if (changed.length > 0 && aggregationTemporality === CUMULATIVE && dataPointType !== DataPointType.GAUGE) {
      const doubles = doublesOf(points, changed)
      if (doubles.size > 0) causes.add('cumulative points must differ in attributes that can be kept')
      points = points.filter((point) => !doubles.has(point))
      for (const _double of doubles) this.#onDropped()
    }
    for (const cause of causes) check.mishaps.told(`${cause}; such points are dropped`)
    return points
  }

  #checkOf(name: string): AttributeCheck {
    let check = this.#checks.get(name)
    if (check === undefined) {
      check = new AttributeCheck(new Mishaps(name), {}, 'any')
      if (this.#checks.size < MOST_REMEMBERED) this.#checks.set(name, check)
    }
    return check
  }

  #reportUnreadable(what: string, error: unknown): void {
    this.#unreadable++
    if (this.#said.has(what) || this.#said.size >= MOST_REMEMBERED) return
    this.#said.add(what)
    report('error', `sluice: ${what} could not be read and is dropped (${this.#name}; reported once)`, error)
  }
}

type MetricHead = Pick<MetricData, 'descriptor' | 'dataPointType' | 'aggregationTemporality'>

type AnyMetric = { readonly [Field in keyof MetricData | 'isMonotonic']: unknown }

function descriptorOf(given: unknown): MetricDescriptor {
  const { name, description, unit, valueType, type } = given as MetricDescriptor & { readonly type?: unknown }
  if (name == null) throw new Unreadable('it has no name')
  const descriptor = { name, description, unit, valueType, type }
  return readableDescriptor(descriptor)
}

function pointOf({ startTime, endTime, attributes, value }: Point, type: DataPointType, check: AttributeCheck): Point {
  return {
    // Unknown, as the OTel data model has it.
    startTime: hrTimeOf(startTime) ?? [0, 0],
    endTime: hrTimeOf(endTime) ?? hrTimeOfMillis(Date.now()) ?? [0, 0],
    attributes: check.accept(attributes ?? {}),
    value: readableValue(type, value),
  }
}

/**
 * Those of the points whose attributes were changed that are equal to another one's now. As cumulative each would be taken for a
 * reset of the other, and all of both be added at each collection.
 */
function doublesOf(points: readonly Point[], changed: readonly Point[]): ReadonlySet<Point> {
  const counts = new Map<string, number>()
  for (const { attributes } of changed) counts.set(attributeKey(attributes), 0)
  for (const { attributes } of points) {
    const key = attributeKey(attributes)
    const count = counts.get(key)
    if (count !== undefined) counts.set(key, count + 1)
  }
  return new Set(changed.filter(({ attributes }) => counts.get(attributeKey(attributes))! > 1))
}

/** A copy by index: an iterator need not end, and what cannot be read in one place can be in others. */
function listOf(given: unknown): readonly unknown[] {
  const length: unknown = Array.isArray(given) ? given.length : undefined
  if (typeof length !== 'number' || !(length <= MOST_LISTED)) {
    throw new Unreadable(`it must be an array of at most ${MOST_LISTED}`)
  }
  const copy: unknown[] = []
  for (let i = 0; i < length; i++) copy.push(itemOf(given as unknown[], i))
  return copy
}

function itemOf(list: readonly unknown[], index: number): unknown {
  try {
    return list[index]
  } catch {
    return undefined
  }
}

/** What the OTel API takes for a time (`TimeInput`); undefined where it is none. */
function hrTimeOf(time: unknown): HrTime | undefined {
  try {
    if (!Array.isArray(time)) return hrTimeOfMillis(time instanceof Date ? time.getTime() : (time as number))
    const [seconds, nanos] = [time[0], time[1]] as [number, number]
    const isTime = Number.isInteger(seconds) && seconds >= 0 && Number.isInteger(nanos) && nanos >= 0 && nanos < 1e9
    return isTime && seconds < LAST_SECOND ? [seconds, nanos] : undefined
  } catch {
    // A proxy.
    return undefined
  }
}

function hrTimeOfMillis(millis: number): HrTime | undefined {
  if (typeof millis !== 'number' || !(millis >= 0 && millis < LAST_SECOND * 1000)) return undefined
  const seconds = Math.floor(millis / 1000)
  return [seconds, Math.floor((millis - seconds * 1000) * 1e6)]
}

/** Points of explicit histograms by their boundaries, which as a rule are the same. */
function byBoundaries(points: readonly Point[]): readonly (readonly Point[])[] {
  const first = points.length > 0 ? boundariesOf(points[0]!) : []
  if (points.every((point) => areSame(boundariesOf(point), first))) return [points]
  const streams = new Map<string, Point[]>()
  for (const point of points) {
    const key = boundariesOf(point).join()
    const stream = streams.get(key)
    if (stream === undefined) streams.set(key, [point])
    else stream.push(point)
  }
  return [...streams.values()]
}

function boundariesOf({ value }: Point): readonly number[] {
  return (value as Histogram).buckets.boundaries
}

function areSame(a: readonly number[], b: readonly number[]): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
