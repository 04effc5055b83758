/**
 * The text of an attribute value (OTel spec, common, "AnyValue representation for non-OTLP protocols"): texts as they are,
 * everything else as JSON, NaN and the infinities by their names.
 */
export function attributeText(value: unknown): string {
  if (typeof value === 'string') return value.toWellFormed()
  if (typeof value === 'number' || typeof value === 'bigint') return String(value)
  if (value === undefined || value === null) return ''
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  return (JSON.stringify(value, nested) ?? '').toWellFormed()
}

/** Within a list or a map what JSON has no word for is a text. */
function nested(_key: string, value: unknown): unknown {
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value)
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  return typeof value === 'bigint' ? String(value) : value
}
