/** What a `LabelPair`, a `Timestamp` and so on are, as Prometheus' client_model has them; what is not there is undefined. */
export interface DecodedLabel {
  readonly name?: string
  readonly value?: string
}

export interface DecodedTimestamp {
  readonly seconds?: number
  readonly nanos?: number
}

export interface DecodedExemplar {
  readonly label: readonly DecodedLabel[]
  readonly value?: number
  readonly timestamp?: DecodedTimestamp
}

export interface DecodedSpan {
  readonly offset?: number
  readonly length?: number
}

export interface DecodedHistogram {
  readonly sample_count?: number
  readonly sample_sum?: number
  readonly bucket: readonly {
    readonly cumulative_count?: number
    readonly upper_bound?: number
    readonly exemplar?: DecodedExemplar
  }[]
  readonly schema?: number
  readonly zero_threshold?: number
  readonly zero_count?: number
  readonly negative_span: readonly DecodedSpan[]
  readonly negative_delta: readonly number[]
  readonly positive_span: readonly DecodedSpan[]
  readonly positive_delta: readonly number[]
  readonly created_timestamp?: DecodedTimestamp
  readonly exemplars: readonly DecodedExemplar[]
}

export interface DecodedMetric {
  readonly label: readonly DecodedLabel[]
  readonly gauge?: { readonly value?: number }
  readonly counter?: {
    readonly value?: number
    readonly exemplar?: DecodedExemplar
    readonly created_timestamp?: DecodedTimestamp
  }
  readonly untyped?: { readonly value?: number }
  readonly histogram?: DecodedHistogram
}

export interface DecodedFamily {
  readonly name?: string
  readonly help?: string
  /** The number: 0 counter, 1 gauge, 3 untyped, 4 histogram. */
  readonly type?: number
  readonly metric: readonly DecodedMetric[]
  readonly unit?: string
}

type Kind = 'string' | 'double' | 'varint' | 'zigzag' | Message
type Field = readonly [name: string, kind: Kind, isRepeated?: 'repeated']
type Message = Readonly<Record<number, Field>>

const LABEL: Message = { 1: ['name', 'string'], 2: ['value', 'string'] }
const TIMESTAMP: Message = { 1: ['seconds', 'varint'], 2: ['nanos', 'varint'] }
const EXEMPLAR: Message = {
  1: ['label', LABEL, 'repeated'],
  2: ['value', 'double'],
  3: ['timestamp', TIMESTAMP],
}
const SPAN: Message = { 1: ['offset', 'zigzag'], 2: ['length', 'varint'] }
const BUCKET: Message = {
  1: ['cumulative_count', 'varint'],
  2: ['upper_bound', 'double'],
  3: ['exemplar', EXEMPLAR],
}
const HISTOGRAM: Message = {
  1: ['sample_count', 'varint'],
  2: ['sample_sum', 'double'],
  3: ['bucket', BUCKET, 'repeated'],
  5: ['schema', 'zigzag'],
  6: ['zero_threshold', 'double'],
  7: ['zero_count', 'varint'],
  9: ['negative_span', SPAN, 'repeated'],
  10: ['negative_delta', 'zigzag', 'repeated'],
  12: ['positive_span', SPAN, 'repeated'],
  13: ['positive_delta', 'zigzag', 'repeated'],
  15: ['created_timestamp', TIMESTAMP],
  16: ['exemplars', EXEMPLAR, 'repeated'],
}
const METRIC: Message = {
  1: ['label', LABEL, 'repeated'],
  2: ['gauge', { 1: ['value', 'double'] }],
  3: ['counter', { 1: ['value', 'double'], 2: ['exemplar', EXEMPLAR], 3: ['created_timestamp', TIMESTAMP] }],
  5: ['untyped', { 1: ['value', 'double'] }],
  7: ['histogram', HISTOGRAM],
}
const FAMILY: Message = {
  1: ['name', 'string'],
  2: ['help', 'string'],
  3: ['type', 'varint'],
  4: ['metric', METRIC, 'repeated'],
  5: ['unit', 'string'],
}

const UTF8 = new TextDecoder('utf-8', { fatal: true })

/**
 * Reads the delimited format, without the library that writes it.
 *
 * @throws Error for everything that is not as metrics.proto says: unknown fields, wrong wire types, a second value of a
 * field that has one, text that is not UTF-8, bytes that are missing; and for integers beyond 2^53
 */
export function decodeFamilies(bytes: Uint8Array): DecodedFamily[] {
  const wire = new Wire(bytes)
  const families: DecodedFamily[] = []
  while (!wire.isAtEnd) families.push(messageIn(wire.lengthDelimited(), FAMILY) as unknown as DecodedFamily)
  return families
}

/** The buckets of a native histogram that are not empty: count by index. */
export function bucketCountsOf(spans: readonly DecodedSpan[], deltas: readonly number[]): Map<number, number> {
  const counts = new Map<number, number>()
  let [index, count, read] = [0, 0, 0]
  for (const { offset = 0, length = 0 } of spans) {
    index += offset
    for (let i = 0; i < length; i++) {
      if (read === deltas.length) throw new Error('the spans have more buckets than there are deltas')
      count += deltas[read++]!
      if (count < 0) throw new Error(`bucket ${index} has a count of ${count}`)
      if (count > 0) counts.set(index, count)
      index++
    }
  }
  if (read !== deltas.length) throw new Error(`${deltas.length - read} deltas are of no span`)
  return counts
}

function messageIn(bytes: Uint8Array, fields: Message): Record<string, unknown> {
  const message: Record<string, unknown> = {}
  for (const [name, , isRepeated] of Object.values(fields)) if (isRepeated) message[name] = []
  const wire = new Wire(bytes)
  while (!wire.isAtEnd) {
    const tag = Number(wire.varint())
    const field = fields[tag >>> 3]
    if (field === undefined) throw new Error(`there is no field ${tag >>> 3}`)
    const [name, kind, isRepeated] = field
    if ((tag & 7) !== wireTypeOf(kind)) throw new Error(`${name} is of wire type ${tag & 7}`)
    const value = valueIn(wire, kind)
    if (isRepeated) (message[name] as unknown[]).push(value)
    else if (name in message) throw new Error(`${name} is there twice`)
    else message[name] = value
  }
  return message
}

function wireTypeOf(kind: Kind): number {
  if (kind === 'varint' || kind === 'zigzag') return 0
  return kind === 'double' ? 1 : 2
}

function valueIn(wire: Wire, kind: Kind): unknown {
  if (kind === 'varint') return exactly(wire.varint())
  if (kind === 'zigzag') {
    const zigzag = wire.varint()
    return exactly(zigzag % 2n === 0n ? zigzag / 2n : -(zigzag + 1n) / 2n)
  }
  if (kind === 'double') return wire.double()
  const bytes = wire.lengthDelimited()
  return kind === 'string' ? UTF8.decode(bytes) : messageIn(bytes, kind)
}

function exactly(value: bigint): number {
  const number = Number(value)
  if (!Number.isSafeInteger(number)) throw new Error(`${value} is not exact as a number`)
  return number
}

class Wire {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length
  }

  varint(): bigint {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const [byte] = this.#take(1)
      value |= BigInt(byte! & 0x7f) << shift
      if (byte! < 0x80) return value
    }
    throw new Error('a varint of more than ten bytes')
  }

  double(): number {
    const { buffer, byteOffset } = this.#take(8)
    return new DataView(buffer, byteOffset).getFloat64(0, true)
  }

  lengthDelimited(): Uint8Array {
    return this.#take(Number(this.varint()))
  }

  #take(length: number): Uint8Array {
    const end = this.#at + length
    if (end > this.#bytes.length) throw new Error(`${end - this.#bytes.length} bytes are missing`)
    const taken = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return taken
  }
}
