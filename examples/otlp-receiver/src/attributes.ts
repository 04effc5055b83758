import type { OtlpAnyValue, OtlpKeyValue } from './otlp-json.ts'
import type { PlainAttributes, PlainValue } from './received-metric.ts'

export function plainAttributes(keyValues: readonly OtlpKeyValue[] | undefined): PlainAttributes {
  const attributes: Record<string, PlainValue> = {}
  for (const { key, value } of keyValues ?? []) {
    // Defined, not assigned: `__proto__` is a key like any other here.
    Object.defineProperty(attributes, key, { value: plainValue(value), enumerable: true })
  }
  return attributes
}

function plainValue(value: OtlpAnyValue | undefined): PlainValue {
  if (value?.stringValue !== undefined) return value.stringValue
  if (value?.boolValue !== undefined) return value.boolValue
  if (value?.intValue !== undefined) return Number(value.intValue)
  if (value?.doubleValue !== undefined) return Number(value.doubleValue)
  if (value?.arrayValue !== undefined) return (value.arrayValue.values ?? []).map(plainValue)
  if (value?.kvlistValue !== undefined) return plainAttributes(value.kvlistValue.values)
  if (value?.bytesValue !== undefined) return { base64: value.bytesValue }
  return null
}

/** A text that two values share exactly when they are equal, whatever the order of their keys. */
export function canonical(value: PlainValue): string {
  if (typeof value === 'number') return Object.is(value, -0) ? '0' : String(value)
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  const entries = Object.entries(value as PlainAttributes).sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonical(item)}`).join(',')}}`
}
