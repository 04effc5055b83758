import type { Attributes } from '@opentelemetry/api'
import type { InstrumentationScope } from '@otel-sluice/processor'
import { attributeText } from './attribute-text.ts'
import { type Escaping, escapedLabelName } from './escaping.ts'
import { type TranslationStrategy, translateKey } from './names.ts'

export type Label = readonly [name: string, value: string]

/** Turns attributes into labels, the same way for all series of an endpoint in one escaping. */
export class Labels {
  readonly #strategy: TranslationStrategy
  readonly #escaping: Escaping
  /** The same few keys come with every series. */
  readonly #names = new Map<string, string>()

  constructor(strategy: TranslationStrategy, escaping: Escaping) {
    this.#strategy = strategy
    this.#escaping = escaping
  }

  /**
   * Labels by name. Where several keys come to one label their values are joined by `;`, in the order of the keys (OTel spec,
   * compatibility, "Metric Attributes").
   *
   * @param added labels that the exporter adds, which are keys like all others
   * @param reserved the one label that the format itself adds to the samples: an attribute of that name gets another
   */
  of(attributes: Attributes, added: Attributes = {}, reserved?: 'le'): Label[] {
    const entries = [...Object.entries(attributes), ...Object.entries(added)]
    entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    const values = new Map<string, string>()
    for (const [key, value] of entries) {
      const text = attributeText(value)
      const name = this.#nameOf(key)
      const label = name === reserved ? `exported_${name}` : name
      const before = values.get(label)
      values.set(label, before === undefined ? text : `${before};${text}`)
    }
    // To Prometheus an empty label is none: two series that differ by one only are the same.
    return [...values].filter(([, value]) => value !== '').sort(([a], [b]) => (a < b ? -1 : 1))
  }

  #nameOf(key: string): string {
    let name = this.#names.get(key)
    if (name === undefined) {
      const escaped = escapedLabelName(translateKey(key, this.#strategy), this.#escaping)
      // Prometheus keeps this one for itself. Escaping with dots makes it of `_name_`.
      name = escaped === '__name__' ? `exported_${escaped}` : escaped
      if (this.#names.size < MOST_NAMES) this.#names.set(key, name)
    }
    return name
  }
}

/** Keys are few; an application that makes them up must not fill the memory. */
const MOST_NAMES = 10_000

const SCOPE = 'otel_scope_'
const SCOPE_FIELDS = ['name', 'version', 'schema_url']

/**
 * What a scope adds to all of its points (OTel spec, compatibility, "Instrumentation Scope"). Attributes of it that come to
 * the label of its name, version or schema URL are dropped.
 */
export function scopeAttributes(
  scope: InstrumentationScope,
  strategy: TranslationStrategy,
  escaping: Escaping,
): Attributes {
  const { attributes = {} } = scope as { readonly attributes?: Attributes }
  const labelOf = (key: string) => escapedLabelName(translateKey(SCOPE + key, strategy), escaping)
  const taken = new Set(SCOPE_FIELDS.map(labelOf))
  const kept = Object.entries(attributes).filter(([key]) => !taken.has(labelOf(key)))
  return {
    ...Object.fromEntries(kept.map(([key, value]) => [SCOPE + key, value])),
    [`${SCOPE}name`]: scope.name,
    ...(scope.version !== undefined && { [`${SCOPE}version`]: scope.version }),
    ...(scope.schemaUrl !== undefined && { [`${SCOPE}schema_url`]: scope.schemaUrl }),
  }
}
