import { unitWord } from './units.ts'

/**
 * What becomes of names (OTel spec, Prometheus exporter, "Translation Strategy"). Whatever a scraper cannot read is escaped
 * afterwards as it asks for.
 *
 * - `UnderscoreEscapingWithSuffixes`: other characters become `_`, and unit and `_total` are added. The default.
 * - `UnderscoreEscapingWithoutSuffixes`: nothing is added.
 * - `NoUTF8EscapingWithSuffixes`: characters stay, unit and `_total` are added.
 * - `NoTranslation`: names stay as they are, but for what is no name in Prometheus: NUL becomes `_`, as does an empty one.
 */
export type TranslationStrategy =
  | 'UnderscoreEscapingWithSuffixes'
  | 'UnderscoreEscapingWithoutSuffixes'
  | 'NoUTF8EscapingWithSuffixes'
  | 'NoTranslation'

export const TRANSLATION_STRATEGIES: readonly TranslationStrategy[] = [
  'UnderscoreEscapingWithSuffixes',
  'UnderscoreEscapingWithoutSuffixes',
  'NoUTF8EscapingWithSuffixes',
  'NoTranslation',
]

/** A metric name before type-specific suffixes. */
export interface TranslatedName {
  readonly base: string
  /** The word for the unit; empty where there is none. */
  readonly unit: string
  /** `_total` or nothing: what a counter's sample has after {@link base}. */
  readonly counterSuffix: '_total' | ''
}

const TOTAL = '_total'

/** @param prefix put before the name, if any */
export function translateName(
  name: string,
  unit: string,
  isCounter: boolean,
  strategy: TranslationStrategy,
  prefix = '',
): TranslatedName {
  const escapes = strategy.startsWith('Underscore')
  const addsSuffixes = strategy.endsWith('WithSuffixes')
  const whole = (prefix === '' ? name : `${prefix}_${name}`).toWellFormed()
  // What ends in _ would have two before _total.
  const clean = escapes ? underscored(whole).replace(isCounter ? /(?<=.)_$/ : /$/, '') : quotable(whole)
  const word = unitWord(unit)
  if (!addsSuffixes) {
    const isTotal = isCounter && clean.endsWith(TOTAL) && clean !== TOTAL
    return { base: isTotal ? clean.slice(0, -TOTAL.length) : clean, unit: word, counterSuffix: isTotal ? TOTAL : '' }
  }
  const base = isCounter ? withoutTotal(clean) : clean
  const suffixed = word === '' || endsWithWord(base, word) ? base : `${base}_${word}`
  return {
    base: escapes ? suffixed.replaceAll(/_{2,}/g, '_') : suffixed,
    unit: word,
    counterSuffix: isCounter ? TOTAL : '',
  }
}

/** What the key of an attribute becomes. */
export function translateKey(key: string, strategy: TranslationStrategy): string {
  const whole = key.toWellFormed()
  if (strategy.startsWith('Underscore')) {
    const clean = whole.replaceAll(/[^a-zA-Z0-9_]/gu, '_').replaceAll(/_{2,}/g, '_')
    return startable(clean)
  }
  return quotable(whole)
}

/** What can be a name in quotes: every text but the empty one, and but for NUL, where Prometheus stops to read. */
function quotable(name: string): string {
  return name === '' ? '_' : name.replaceAll('\0', '_')
}

function underscored(name: string): string {
  return startable(name.replaceAll(/[^a-zA-Z0-9_:]/gu, '_').replaceAll(/_{2,}/g, '_'))
}

function startable(name: string): string {
  return name === '' || /^\d/.test(name) ? `_${name}` : name
}

function withoutTotal(name: string): string {
  return name.endsWith(TOTAL) && name !== TOTAL ? name.slice(0, -TOTAL.length) : name
}

function endsWithWord(name: string, word: string): boolean {
  if (!name.endsWith(word)) return false
  const before = name.at(-word.length - 1)
  return before === undefined || !/[a-zA-Z0-9]/.test(before)
}
