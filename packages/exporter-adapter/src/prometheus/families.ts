import { DataPointType } from '@opentelemetry/sdk-metrics'
import type { Stream } from '@otel-sluice/processor'
import { BucketBounds } from './bucket-bounds.ts'
import { type Escaping, escapedMetricName } from './escaping.ts'
import { type TranslationStrategy, translateName } from './names.ts'

export type FamilyType = 'counter' | 'gauge' | 'histogram' | 'unknown'

/** All streams that come under one name. */
export interface Family {
  /** What TYPE, HELP and UNIT are said of. */
  readonly name: string
  readonly type: FamilyType
  readonly help: string
  /** The word for it; empty where there is none. */
  readonly unit: string
  /** What the line of a counter, a gauge or an unknown begins with; a histogram's begin with {@link name}. */
  readonly sampleName: string
  /** In an order that depends on nothing but what they are. */
  readonly streams: readonly Stream[]
}

/** What could not be exposed as it is, in words. */
export interface Conflict {
  readonly message: string
  /** Whether a whole stream is left out for it. */
  readonly dropsStream: boolean
}

const TOTAL = '_total'

/** How names are made. */
export interface Naming {
  readonly strategy: TranslationStrategy
  readonly escaping: Escaping
  /** In OpenMetrics a family of counters has its name without `_total`, and samples of their times of creation. */
  readonly isOpenMetrics: boolean
  readonly prefix: string
}

/** A stream, and what is made of it alone. */
interface Named {
  readonly stream: Stream
  /** Comes before that of others in the order of what they are. */
  readonly order: string
  readonly name: string
  readonly type: FamilyType
  readonly unit: string
  readonly sampleName: string
  /** Names that no other family may use, of the family itself and of its samples. */
  readonly claims: readonly string[]
  /** Whatever else there is. */
  readonly conflicts: readonly Conflict[]
}

interface Draft extends Omit<Named, 'unit'> {
  help: string
  unit: string
  readonly streams: Stream[]
}

/** What is made of each stream alone, once: it depends on nothing that changes. */
export class StreamNames {
  readonly #naming: Naming
  readonly #named = new WeakMap<Stream, Named>()

  constructor(naming: Naming) {
    this.#naming = naming
  }

  of(stream: Stream): Named {
    let named = this.#named.get(stream)
    if (named === undefined) {
      named = nameOf(stream, this.#naming)
      this.#named.set(stream, named)
    }
    return named
  }
}

/**
 * Arranges streams in families so that no name is used twice (OTel spec, compatibility, "Metric Metadata"). Streams of one
 * name and type share a family, with one HELP and UNIT. Of those that cannot, the first in the order of scope, name, unit and
 * kind stays, whenever they were made: the same streams come to the same families.
 *
 * @param taken names that are used already
 */
export function familiesOf(
  streams: readonly Stream[],
  names: StreamNames,
  taken: readonly string[] = [],
): { readonly families: readonly Family[]; readonly conflicts: readonly Conflict[] } {
  const drafts = new Map<string, Draft>()
  const owners = new Map<string, string>(taken.map((name) => [name, name]))
  const conflicts: Conflict[] = []
  const drop = (message: string) => conflicts.push({ message, dropsStream: true })
  for (const named of streams.map((stream) => names.of(stream)).sort(inOrder)) {
    const { stream, name, claims } = named
    const draft = drafts.get(name)
    conflicts.push(...named.conflicts)
    const said = `${saidOf(stream)} is not exposed: as ${name}`
    if (draft !== undefined && kindOf(draft) !== kindOf(named)) {
      drop(`${said} it would be a ${kindOf(named)}, and ${saidOf(draft.stream)} is a ${kindOf(draft)} of that name`)
    } else if (draft !== undefined) {
      conflicts.push(...commentConflicts(draft, named))
      if (draft.help === '') draft.help = stream.descriptor.description
      if (draft.unit === '') draft.unit = named.unit
      draft.streams.push(stream)
    } else {
      const clash = claims.find((claim) => owners.has(claim))
      if (clash === undefined) {
        for (const claim of claims) owners.set(claim, name)
        drafts.set(name, { ...named, help: stream.descriptor.description, streams: [stream] })
      } else {
        drop(`${said} it would have samples called ${clash}, which are those of ${owners.get(clash)}`)
      }
    }
  }
  return { families: [...drafts.values()], conflicts }
}

function nameOf(stream: Stream, { strategy, escaping, isOpenMetrics, prefix }: Naming): Named {
  const { aggregation, descriptor } = stream
  const isCounter = aggregation.type === DataPointType.SUM && aggregation.isMonotonic
  const { base, unit, counterSuffix } = translateName(descriptor.name, descriptor.unit, isCounter, strategy, prefix)
  const sampleName = escapedMetricName(base + counterSuffix, escaping)
  const type = isCounter
    ? // The samples of an OpenMetrics counter have to end in _total.
      isOpenMetrics && !endsInTotal(sampleName)
      ? 'unknown'
      : 'counter'
    : aggregation.type === DataPointType.SUM || aggregation.type === DataPointType.GAUGE
      ? 'gauge'
      : 'histogram'
  const name = isOpenMetrics && type === 'counter' ? sampleName.slice(0, -TOTAL.length) : sampleName
  return {
    stream,
    order: orderOf(stream),
    name,
    type,
    unit,
    sampleName,
    claims: claimsOf(name, sampleName, type, isOpenMetrics),
    conflicts: boundaryConflicts(stream, name, isOpenMetrics),
  }
}

function endsInTotal(name: string): boolean {
  return name.endsWith(TOTAL) && name !== TOTAL
}

function claimsOf(name: string, sampleName: string, type: FamilyType, isOpenMetrics: boolean): string[] {
  const created = isOpenMetrics ? [`${name}_created`] : []
  if (type === 'histogram') return [name, `${name}_bucket`, `${name}_sum`, `${name}_count`, ...created]
  return type === 'counter' ? [...new Set([name, sampleName]), ...created] : [name]
}

/** Prometheus takes all of a family for what its first series is: classic and native histograms are not to be mixed. */
function kindOf({ type, stream }: Pick<Named, 'type' | 'stream'>): string {
  return stream.aggregation.type === DataPointType.EXPONENTIAL_HISTOGRAM ? 'native histogram' : type
}

function commentConflicts(draft: Draft, { stream, name, unit }: Named): Conflict[] {
  const conflicts: Conflict[] = []
  const { description } = stream.descriptor
  if (description !== '' && draft.help !== '' && description !== draft.help) {
    conflicts.push({
      message: `${name} has several descriptions; that of ${saidOf(draft.stream)} is exposed`,
      dropsStream: false,
    })
  }
  if (unit !== '' && draft.unit !== '' && unit !== draft.unit) {
    conflicts.push({
      message: `${name} has several units; that of ${saidOf(draft.stream)} is exposed`,
      dropsStream: false,
    })
  }
  return conflicts
}

function boundaryConflicts(stream: Stream, name: string, isOpenMetrics: boolean): Conflict[] {
  const { aggregation } = stream
  if (aggregation.type !== DataPointType.HISTOGRAM) return []
  const { bounds, areNegative } = new BucketBounds(aggregation.boundaries)
  const messages = [
    ...(bounds.length < aggregation.boundaries.length
      ? [`${saidOf(stream)} has boundaries that do not ascend: it has the buckets of ${bounds.join(', ')} alone`]
      : []),
    // OpenMetrics 1.0, "Histogram": such a one must have no sum, and without a sum no count.
    ...(isOpenMetrics && areNegative
      ? [`${name} has negative boundaries, and so neither sum nor count in OpenMetrics`]
      : []),
  ]
  return messages.map((message) => ({ message, dropsStream: false }))
}

function saidOf({ scope, descriptor, kind }: Stream): string {
  const unit = descriptor.unit === '' ? '' : `, unit ${JSON.stringify(descriptor.unit)}`
  return `${JSON.stringify(descriptor.name)} (${kind}${unit}) of scope ${JSON.stringify(scope.name)}`
}

function inOrder(a: Named, b: Named): number {
  return a.order < b.order ? -1 : a.order > b.order ? 1 : 0
}

function orderOf({ scope, descriptor, kind, aggregation }: Stream): string {
  const { name, unit, valueType } = descriptor
  const { attributes = '' } = scope as { readonly attributes?: unknown }
  const ofScope = [scope.name, scope.version ?? '', scope.schemaUrl ?? '', attributes]
  return JSON.stringify([...ofScope, name, unit, kind, valueType, aggregation])
}
